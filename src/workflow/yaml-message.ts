import type { YAMLParseError } from 'yaml';
import { quote } from '../expressions/quote.ts';

const MAX_MESSAGE_CHARACTERS = 200;

/** What a user can do about the errors that come up most. */
const WAYS_OUT: Partial<Record<YAMLParseError['code'], string>> = {
  TAB_AS_INDENT: 'indent with blanks, not with tabs',
  BAD_INDENT: 'check the indentation of this line',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that holds `: ` in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key is on one line and followed by `:`',
  MISSING_CHAR: 'check quotes, brackets and colons up to here',
  BAD_SCALAR_START: 'put the value in quotes',
  BAD_DQ_ESCAPE: 'in double quotes a backslash is written `\\\\`; single quotes take it as it is',
};

/** One sentence from an error of the YAML library. */
export function describeYamlError(code: YAMLParseError['code'], message: string): string {
  const cut = message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message;
  const sentence = cut.replaceAll(/\s+/g, ' ').replace(/\.$/, '');
  const wayOut = WAYS_OUT[code];
  return `not valid YAML: ${sentence}${wayOut === undefined ? '' : `; ${wayOut}`}`;
}

/** For a tag such as `!cancelled()`, which is what YAML makes of a condition that starts with `!`. */
export function describeTag(tag: string): string {
  return `YAML reads ${quote(tag)} as a tag, not as text; put the value in quotes, or a condition in \`\${{ }}\``;
}
