import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { Diagnostic } from '../protocol/diagnostic.ts';

export interface TextPosition {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** A JSON text with the places of what is in it. JSON is YAML, so the places come from the YAML parser. */
export class PositionedJson {
  /** Null when there are problems. */
  readonly value: unknown;
  /** Not JSON, or a key that is there twice (which `JSON.parse` takes without a word). */
  readonly problems: readonly Diagnostic[];
  readonly #root: Node | null;
  readonly #lines = new LineCounter();

  constructor(source: string, file: string) {
    const text = source.replace(/^\uFEFF/, '');
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'silent' });
    this.#root = isNode(document.contents) ? document.contents : null;
    const twice = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY');
    const diagnostic = (message: string, at: TextPosition, rule: string): Diagnostic => {
      return { severity: 'error', message, file, ...at, rule };
    };
    let value: unknown = null;
    let problems = twice.map(({ pos }) => diagnostic('This key is here twice.', this.#at(pos[0], 1), 'duplicate-key'));
    try {
      value = JSON.parse(text);
    } catch (error) {
      const { message, offset } = syntaxError(error as SyntaxError, text);
      problems = [diagnostic(`Not JSON: ${message}.`, this.#at(offset, 1), 'syntax')];
    }
    this.value = problems.length === 0 ? value : null;
    this.problems = problems;
  }

  /** Of the value at `path`, or of one of its keys: as far as the path leads. */
  positionOf(path: readonly PropertyKey[], key: string | null): TextPosition {
    let node = this.#root;
    for (const name of path) node = valueIn(node, name) ?? node;
    const found = key === null ? node : (keyIn(node, key) ?? node);
    const [start, end] = found?.range ?? [0, 1];
    const { line } = this.#lines.linePos(start);
    return this.#at(start, this.#lines.linePos(end).line === line ? end - start : 1);
  }

  #at(offset: number, length: number): TextPosition {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col, length: Math.max(1, length) };
  }
}

/** What V8 says without the text around it, and where. */
function syntaxError({ message }: SyntaxError, text: string): { message: string; offset: number } {
  const said = message
    .replace(/,? (?:\.{3}|"|in JSON|is not valid).*$/s, '')
    .replaceAll('\n', '\\n')
    .trim();
  return { message: said, offset: positionIn(message) ?? brokenAt(text) };
}

/** V8 does not tell the place of a wrong token: it ends the longest beginning that is wrong only for being cut off. */
function brokenAt(text: string): number {
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isBeginning(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const { message } = error as SyntaxError;
    return message.startsWith('Unexpected end') || (positionIn(message) ?? -1) >= text.length;
  }
}

function positionIn(message: string): number | null {
  const position = / at position (\d+)/.exec(message)?.[1];
  return position === undefined ? null : Number(position);
}

function valueIn(node: Node | null, name: PropertyKey): Node | null {
  if (!isMap(node)) return null;
  const value = node.items.find(({ key }) => isScalar(key) && key.value === name)?.value;
  return isNode(value) ? value : null;
}

function keyIn(node: Node | null, name: string): Node | null {
  if (!isMap(node)) return null;
  const found = node.items.find(({ key }) => isScalar(key) && key.value === name)?.key;
  return isNode(found) ? found : null;
}
