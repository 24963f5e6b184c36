/** `problem` is one sentence about the line that could not be read; the pairs before it count. */
export interface ParsedPairs {
  readonly pairs: readonly (readonly [name: string, value: string])[];
  /** Indexes of pairs that were a line with a name alone; absent where there may be none. */
  readonly bare?: ReadonlySet<number>;
  readonly problem: string | null;
}

/**
 * Reads `NAME=VALUE` and `NAME<<DELIMITER` … `DELIMITER` lines, as in the files of `GITHUB_ENV`, `GITHUB_OUTPUT` and
 * `GITHUB_STATE`. Nothing is trimmed; a CR is part of its line; lines end at LF, on Windows at CR LF too
 * (runner-behaviour 2.9).
 * @param namesAlone Whether a line may be a name without a value.
 */
export function parsePairs(text: string, platform: NodeJS.Platform, namesAlone = false): ParsedPairs {
  const pairs: (readonly [string, string])[] = [];
  const bare = new Set<number>();
  const names = namesAlone ? { bare } : {};
  const reader = new LineReader(text, platform === 'win32');
  for (let line = reader.next(); line !== null; line = reader.next()) {
    if (line === '') continue;
    if (namesAlone && !line.includes('=') && !line.includes('<<')) {
      bare.add(pairs.length);
      pairs.push([line.trim(), '']);
      continue;
    }
    const pair = readPair(line, reader);
    if (typeof pair === 'string') return { pairs, ...names, problem: pair };
    pairs.push(pair);
  }
  return { pairs, ...names, problem: null };
}

/** The paths of a `GITHUB_PATH` file: every line that is not empty, whatever ends it. */
export function parsePathLines(text: string): string[] {
  return text.split(/\r\n?|\n/).filter((line) => line !== '');
}

/** Text of a file that may begin with a byte order mark: UTF-8 or UTF-16; UTF-8 without one. */
export function decodeText(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** What comes first in the line decides which form it has. */
function readPair(line: string, reader: LineReader): readonly [string, string] | string {
  const equals = line.indexOf('=');
  const arrows = line.indexOf('<<');
  if (equals >= 0 && (arrows < 0 || equals < arrows)) {
    if (equals === 0) return `The line ${quoted(line)} has no name before '='.`;
    return [line.slice(0, equals), line.slice(equals + 1)];
  }
  if (arrows < 0) return `Invalid format ${quoted(line)}: expected NAME=VALUE or NAME<<DELIMITER.`;
  const name = line.slice(0, arrows);
  const delimiter = line.slice(arrows + 2);
  if (name === '' || delimiter === '') {
    return `Invalid format ${quoted(line)}: the name and the delimiter must not be empty.`;
  }
  const value = reader.until(delimiter);
  return value === null
    ? `Matching delimiter not found: no line after ${quoted(line)} is ${quoted(delimiter)}.`
    : [name, value];
}

/** A long one is not cut: the cut could go through a secret, which nothing would mask then. */
function quoted(line: string): string {
  return line.length > MAX_QUOTED_CHARACTERS ? `(${line.length} characters)` : `'${line}'`;
}

class LineReader {
  readonly #text: string;
  readonly #isWindows: boolean;
  #at = 0;

  constructor(text: string, isWindows: boolean) {
    this.#text = text;
    this.#isWindows = isWindows;
  }

  next(): string | null {
    if (this.#at >= this.#text.length) return null;
    const start = this.#at;
    const feed = this.#text.indexOf('\n', start);
    const end = feed < 0 ? this.#text.length : feed;
    this.#at = feed < 0 ? end : feed + 1;
    const line = this.#text.slice(start, end);
    return this.#isWindows && feed >= 0 && line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  /** The text up to the line that is the delimiter, without the break before it; null when there is none. */
  until(delimiter: string): string | null {
    const start = this.#at;
    let end = start;
    for (let line = this.next(); line !== null; line = this.next()) {
      if (line === delimiter) return this.#text.slice(start, end).replace(/\r?$/, (cr) => (this.#isWindows ? '' : cr));
      end = this.#at - 1;
    }
    return null;
  }
}

const MAX_QUOTED_CHARACTERS = 1_000;
