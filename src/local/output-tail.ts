/** How much of a step's latest output is kept for views and for the summary of a failure. */
export const TAIL_BYTES = 16 * 1024;

/** The latest whole lines of a step's output, in a bounded place; a push costs a copy of what is pushed. */
export class OutputTail {
  #bytes: Buffer | null = null;
  #length = 0;
  /** True when something was dropped, so that the first line kept may be half a line. */
  #cut = false;

  /** Whole lines, each ended by `\n`. */
  push(lines: Buffer): void {
    const bytes = this.#room();
    const added = lines.length > TAIL_BYTES ? lines.subarray(lines.length - TAIL_BYTES) : lines;
    if (added !== lines) this.#cut = true;
    if (this.#length + added.length > bytes.length) {
      const kept = Math.max(TAIL_BYTES - added.length, 0);
      bytes.copyWithin(0, this.#length - kept, this.#length);
      this.#length = kept;
      this.#cut = true;
    }
    added.copy(bytes, this.#length);
    this.#length += added.length;
  }

  /** Keeps the last line only: of what went well nobody asks for more. */
  shrink(): void {
    const line = this.lastLine;
    this.#bytes = line === null ? null : Buffer.from(`${line}\n`);
    this.#length = this.#bytes?.length ?? 0;
  }

  /** The last line, or null before the first. */
  get lastLine(): string | null {
    return this.lastLines(1)[0] ?? null;
  }

  /** Up to `count` lines, oldest first. */
  lastLines(count: number): string[] {
    if (this.#bytes === null) return [];
    let start = this.#length - 1;
    // A negative offset would count from the end.
    for (let left = count; left > 0 && start >= 0; left--)
      start = start === 0 ? -1 : this.#bytes.lastIndexOf(NEWLINE, start - 1);
    // What was cut begins somewhere inside a line; a line that alone is longer than what is kept is shown from there.
    const lines = this.#bytes.toString('utf8', Math.max(start + 1, 0), this.#length).split('\n');
    lines.pop();
    if (start < 0 && this.#cut && lines.length > 1) lines.shift();
    return lines;
  }

  #room(): Buffer {
    if (this.#bytes?.length === ROOM_BYTES) return this.#bytes;
    const room = Buffer.allocUnsafe(ROOM_BYTES);
    this.#bytes?.copy(room);
    this.#bytes = room;
    return room;
  }
}

/** Twice what is kept, so that moving what is kept to the front is rare. */
const ROOM_BYTES = 2 * TAIL_BYTES;
const NEWLINE = 0x0a;
