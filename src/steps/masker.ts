import { base64Patterns } from './base64-patterns.ts';
import { LinePrefixes } from './line-prefixes.ts';
import { type Pattern, PatternMatcher } from './pattern-matcher.ts';
import { secretLeaves } from './secret-leaves.ts';
import { textForms } from './text-forms.ts';

/**
 * Replaces the secrets of one job by `***`. One per job: a value that was added acts at once, in every text that is
 * masked later, whatever step it comes from. Hits are case-sensitive; overlapping and touching ones become one `***`; a
 * hit over several lines leaves the line breaks.
 *
 * A value of less than four characters is masked as a whole word only. A value of several lines is masked line by
 * line too, each line trimmed (but not a line of one character, nor a short one without letter or digit).
 */
export class Masker {
  readonly #matcher = new PatternMatcher();
  readonly #known = new Set<string>();
  readonly #prefixes = new LinePrefixes();

  /**
   * The longest stretch of bytes that one hit and what decides about it can take. Text that is cut has to be cut
   * outside of a hit, seen with that much of what follows.
   */
  get reachBytes(): number {
    return this.#matcher.reachBytes;
  }

  /** A secret: as {@link add}, but of a JSON or YAML object or array the leaves are masked, and not its lines. */
  addSecret(value: string): void {
    this.#addSecret(value, MAX_NESTING);
  }

  #addSecret(value: string, nesting: number): void {
    const leaves = nesting > 0 && value.length <= MAX_STRUCTURED_CHARACTERS ? secretLeaves(value) : null;
    if (leaves === null) {
      this.add(value);
      return;
    }
    this.#addWhole(value.trim(), false);
    for (const leaf of leaves) this.#addSecret(leaf, nesting - 1);
  }

  /** A value as text: trimmed, in all its encoded forms, as a whole and line by line. Blank and `***` add nothing. */
  add(value: string): void {
    const text = value.trim();
    const lines = text.split(LINE_BREAK).map((line) => line.trim());
    if (lines.length === 1) {
      this.#addForms(text);
      return;
    }
    for (const line of lines) if (isWorthALine(line)) this.#addForms(line);
    // Where every line is masked wherever it stands, none is held back to see whether the whole follows.
    this.#addWhole(
      text,
      lines.every((line) => line === '' || !isShort(line)),
    );
  }

  /** The value in forms that need no second line, and, unless `coveredByLines`, over its lines. */
  #addWhole(text: string, coveredByLines: boolean): void {
    if (isShort(text)) return;
    const lines = text.replace(LINE_BREAK, '\n');
    for (const spelling of new Set([text, lines])) {
      for (const form of formsOf(spelling)) if (!/[\r\n]/.test(form)) this.#register(plain(form));
      if (spelling.length <= MAX_ENCODED_CHARACTERS) base64Patterns(Buffer.from(spelling)).forEach(this.#register);
    }
    if (coveredByLines) return;
    for (const form of formsOf(lines)) if (form.includes('\n')) this.#register(plain(form));
  }

  #addForms(value: string): void {
    if (/^\**$/.test(value)) return;
    const bytes = Buffer.from(value);
    const wholeWord = isShort(value);
    for (const form of formsOf(value)) this.#register({ ...plain(form), wholeWord });
    if (wholeWord) {
      const encoded = bytes.toString('base64');
      for (const form of [encoded, encoded.replace(/=+$/, '')]) this.#register({ ...plain(form), wholeWord });
    } else if (value.length <= MAX_ENCODED_CHARACTERS) base64Patterns(bytes).forEach(this.#register);
  }

  readonly #register = (pattern: Pattern): void => {
    for (const piece of pieces(pattern)) {
      const key = `${piece.wholeWord ? 'w' : ' '}${piece.bytes.toString('latin1')}`;
      if (piece.bytes.length === 0 || this.#known.has(key)) continue;
      this.#known.add(key);
      this.#matcher.add(piece);
      this.#prefixes.add(piece.bytes);
    }
  };

  /** For what is not a log: names, annotations, summaries. */
  mask(text: string): string {
    const bytes = Buffer.from(text);
    const spans = this.find(bytes);
    return spans.length === 0 ? text : replaceSpans(bytes, spans).toString();
  }

  /** The hits in whole lines of UTF-8, as start, end, start, end…: ordered and apart from each other. */
  find(lines: Buffer): number[] {
    return this.#matcher.find(lines);
  }

  /**
   * How much of whole lines may go: what follows could be, with lines still to come, a secret over several lines. A
   * position at a line's start, `lines.length` for all.
   */
  safeLength(lines: Buffer): number {
    return this.#prefixes.safeLength(lines);
  }
}

/**
 * The bytes with `***` for each hit, line breaks inside of hits kept. Where no hit is shorter than that, they are closed
 * up where they are, which changes `bytes`: a copy of every block would cost more than finding the hits in it.
 */
export function replaceSpans(bytes: Buffer, spans: readonly number[]): Buffer {
  return fitsInPlace(bytes, spans) ? closeUp(bytes, spans) : rebuild(bytes, spans);
}

function fitsInPlace(bytes: Buffer, spans: readonly number[]): boolean {
  for (let at = 0; at < spans.length; at += 2) {
    const start = spans[at] as number;
    const end = spans[at + 1] as number;
    if (end - start < STARS.length || bytes.subarray(start, end).includes(LINE_FEED)) return false;
  }
  return true;
}

function closeUp(bytes: Buffer, spans: readonly number[]): Buffer {
  let length = spans[0] ?? bytes.length;
  for (let at = 0; at < spans.length; at += 2) {
    length += STARS.copy(bytes, length);
    const from = spans[at + 1] as number;
    const to = spans[at + 2] ?? bytes.length;
    bytes.copyWithin(length, from, to);
    length += to - from;
  }
  return bytes.subarray(0, length);
}

function rebuild(bytes: Buffer, spans: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < spans.length; at += 2) {
    const start = spans[at] as number;
    const end = spans[at + 1] as number;
    parts.push(bytes.subarray(from, start), stars(bytes.subarray(start, end)));
    from = end;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}

function stars(hit: Buffer): Buffer {
  return hit.includes(LINE_FEED) ? Buffer.from(hit.toString('latin1').replace(/[^\n]+/g, '***')) : STARS;
}

/** The long forms of a huge value would cost more than they protect; its own text is always masked. */
function formsOf(value: string): readonly string[] {
  const wellFormed = Buffer.from(value).toString();
  return value.length <= MAX_ENCODED_CHARACTERS ? textForms(wellFormed) : [wellFormed];
}

function plain(form: string): Pattern {
  return { bytes: Buffer.from(form), wholeWord: false, before: '', after: '' };
}

/** A long pattern in parts of equal length: their hits touch, and so become one, and no hit has a long reach. */
function pieces(pattern: Pattern): Pattern[] {
  const { bytes } = pattern;
  if (bytes.length <= MAX_PATTERN_BYTES) return [pattern];
  const count = Math.ceil(bytes.length / MAX_PATTERN_BYTES);
  return Array.from({ length: count }, (_, at) => ({
    bytes: withoutOuterBreaks(
      bytes.subarray(Math.floor((at * bytes.length) / count), Math.floor(((at + 1) * bytes.length) / count)),
    ),
    wholeWord: pattern.wholeWord,
    before: at === 0 ? pattern.before : '',
    after: at === count - 1 ? pattern.after : '',
  }));
}

/** A break at the edge of a hit is not masked, and as a first line it would hold back every line. */
function withoutOuterBreaks(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && bytes[start] === LINE_FEED) start++;
  while (end > start && bytes[end - 1] === LINE_FEED) end--;
  return bytes.subarray(start, end);
}

function isShort(value: string): boolean {
  return value.length < 2 * MIN_CHARACTERS && Array.from(value).length < MIN_CHARACTERS;
}

function isWorthALine(line: string): boolean {
  return !isShort(line) || (line.length > 1 && /[\p{L}\p{N}]/u.test(line));
}

const LINE_BREAK = /\r\n?|\n/g;
const STARS = Buffer.from('***');
const LINE_FEED = 10;
/** Shorter values are masked as whole words only. */
const MIN_CHARACTERS = 4;
/** Longer values (GitHub allows 48 KB for a secret) are masked as they are, but not in encoded forms. */
const MAX_ENCODED_CHARACTERS = 65_536;
const MAX_STRUCTURED_CHARACTERS = 65_536;
/** A leaf may be JSON in a string again. */
const MAX_NESTING = 4;
const MAX_PATTERN_BYTES = 4_096;
