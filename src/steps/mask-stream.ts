import { type Masker, replaceSpans } from './masker.ts';
import { mergeSpans } from './pattern-matcher.ts';

/**
 * Masks lines that come one after the other. Whole lines go in and come out; held back is only what may be the
 * beginning of a secret over several lines, and then until the next line decides.
 */
export class MaskStream {
  readonly #masker: Masker;
  #held: Buffer | null = null;
  /** So many bytes at the beginning of what is held belong to a hit that began before. */
  #covered = 0;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  /** Takes whole lines of UTF-8 and returns what may go, also whole lines; empty when everything is held back. */
  push(lines: Buffer): Buffer {
    const text = this.#held === null ? lines : Buffer.concat([this.#held, lines]);
    return this.#release(text, this.#masker.safeLength(text));
  }

  /** What is still held back: nothing follows. */
  end(): Buffer {
    return this.#held === null ? EMPTY : this.#release(this.#held, this.#held.length);
  }

  #release(text: Buffer, length: number): Buffer {
    let spans = this.#masker.find(text);
    if (this.#covered > 0) spans = mergeSpans([0, this.#covered], spans);
    const released = spansBefore(spans, length);
    const lastEnd = released.length > 0 ? (spans[released.length - 1] as number) : 0;
    this.#covered = Math.max(0, Math.max(this.#covered, lastEnd) - length);
    this.#held = length === text.length ? null : text.subarray(length);
    const lines = text.subarray(0, length);
    return released.length === 0 ? lines : replaceSpans(lines, released);
  }
}

/** The hits that begin before `length`, cut there. */
function spansBefore(spans: number[], length: number): number[] {
  let count = spans.length;
  while (count > 0 && (spans[count - 2] as number) >= length) count -= 2;
  const before = spans.slice(0, count);
  if (count > 0) before[count - 1] = Math.min(length, before[count - 1] as number);
  return before;
}

const EMPTY = Buffer.alloc(0);
