import type { Diagnostic } from '../protocol/diagnostic.ts';

/** Source lines longer than this are cut around the caret. */
const MAX_LINE_COLUMNS = 160;
/** What stays visible left of the caret in a line that is cut. */
const COLUMNS_BEFORE_CARET = 40;

const RED = 31;
const YELLOW = 33;
const GREEN = 32;

/**
 * For people: each diagnostic with the line it points at and a caret below the offending text. Ends with a line break;
 * empty when there are none.
 * @param sources Text of each file, by the name that the diagnostics use; a file that is missing shows no line.
 */
export function formatForPeople(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  style: { readonly colour: boolean },
): string {
  const paint = (text: string, colour: number, bold = false): string =>
    style.colour ? `\u001b[${bold ? '1;' : ''}${colour}m${text}\u001b[0m` : text;
  const lines = new Map<string, readonly string[]>();
  return diagnostics
    .map((diagnostic) => {
      const { file, line, column, severity, message } = diagnostic;
      const heading = `${file}:${line}:${column}: ${paint(`${severity}:`, severity === 'error' ? RED : YELLOW, true)} ${printable(message)}\n`;
      if (!lines.has(file)) lines.set(file, (sources.get(file) ?? '').split(/\r?\n/));
      const shown = showLine(lines.get(file)?.[line - 1] ?? '', diagnostic);
      return shown === null ? heading : `${heading}    ${shown.text}\n    ${paint(shown.caret, GREEN, true)}\n`;
    })
    .join('');
}

/** For programs: one JSON document, an array of diagnostics as they are. */
export function formatAsJson(diagnostics: readonly Diagnostic[]): string {
  return `${JSON.stringify(diagnostics, null, 2)}\n`;
}

/** The line with a caret row of the same width, or null when there is nothing on it to show. */
function showLine(
  source: string,
  { column, length }: Pick<Diagnostic, 'column' | 'length'>,
): { text: string; caret: string } | null {
  if (source.trim() === '') return null;
  const from = source.length <= MAX_LINE_COLUMNS ? 0 : Math.max(0, column - 1 - COLUMNS_BEFORE_CARET);
  const cut = source.slice(from, from + MAX_LINE_COLUMNS);
  const start = column - 1 - from;
  const indent = printable(cut.slice(0, start));
  const marked = printable(cut.slice(start, start + length));
  return {
    text: printable(cut),
    caret: ' '.repeat(columnsOf(indent)) + '^'.repeat(Math.max(1, columnsOf(marked))),
  };
}

/** Tabs as one blank, so that the caret stays below its text; control characters as their picture. */
function printable(text: string): string {
  return (
    text
      .replaceAll('\t', ' ')
      // eslint-disable-next-line no-control-regex -- these are what is to be made harmless
      .replaceAll(/[\u0000-\u001f\u007f]/g, (char) => (char === '\u007f' ? '\u2421' : picture(char)))
      .replaceAll(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  );
}

function picture(control: string): string {
  return String.fromCodePoint(0x2400 + (control.codePointAt(0) ?? 0));
}

/** Columns a terminal takes for a text: combining marks take none, wide letters two. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += /\p{Mark}/u.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return columns;
}

/** East Asian scripts and emoji, as far as names and messages hold them. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u;
