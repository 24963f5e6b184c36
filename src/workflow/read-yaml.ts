import { Composer, Lexer, Parser, type CST, type Document } from 'yaml';
import { buildTree, MAX_DEPTH } from './build-tree.ts';
import type { ProblemList } from './problem-list.ts';
import type { YamlNode } from './yaml-node.ts';
import { describeYamlError } from './yaml-message.ts';

/** Pieces of YAML (keys, values, punctuation, white space) in a file; bounds the time that a hostile one takes. */
export const MAX_TOKENS = 250_000;
/** What is wrong after the first few syntax errors follows from them. */
const MAX_SYNTAX_ERRORS = 5;
/** The parser's own levels: the document and the scalar. */
const LEVELS_AROUND = 2;

/** Reads one YAML document, with limits. Null when there is none; then a problem says why. */
export function readYaml(text: string, problems: ProblemList): YamlNode | null {
  const tokens = tokenize(text, problems);
  if (tokens === null) return null;
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  const documents: Document.Parsed[] = [];
  for (const document of composer.compose(tokens, true, text.length)) {
    documents.push(document);
    if (documents.length > 1) break;
  }
  const [document, second] = documents;
  if (!document) return null;
  if (second && document.errors.length === 0) {
    const start = second.range[0];
    problems.error('yaml', { start, end: start + 3 }, 'a second YAML document starts here; a file holds one');
    return null;
  }
  for (const { code, message, pos } of document.errors.slice(0, MAX_SYNTAX_ERRORS)) {
    const [start, end] = pos;
    problems.error('yaml', { start, end: Math.max(end, start + 1) }, describeYamlError(code, message));
  }
  if (document.errors.length > 0) return null;
  if (isNothing(document)) {
    problems.error('empty-file', { start: 0, end: 1 }, 'the file is empty; `on` and `jobs` were expected');
    return null;
  }
  return buildTree(document, text, problems);
}

/** As `Parser.parse`, but stops at once when the limits are passed: composing deep nesting would exhaust the stack. */
function tokenize(text: string, problems: ProblemList): CST.Token[] | null {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let count = 0;
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    count += 1;
    offset += lexeme.length;
    const span = { start: offset - lexeme.length, end: offset };
    if (parser.stack.length > MAX_DEPTH + LEVELS_AROUND) {
      problems.error(
        'nesting',
        span,
        `nested too deeply: the limit is ${MAX_DEPTH} lists and mappings inside each other`,
      );
      return null;
    }
    if (count > MAX_TOKENS) {
      problems.error('too-large', span, `the file holds more than ${MAX_TOKENS} pieces of YAML, which is the limit`);
      return null;
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

function isNothing(document: Document.Parsed): boolean {
  const { contents } = document;
  // An empty document has a null of no length, `~` has one.
  return contents === null || (contents.range[0] === contents.range[1] && !contents.tag && !contents.anchor);
}
