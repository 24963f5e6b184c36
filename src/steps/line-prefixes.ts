/**
 * Knows the patterns with line breaks, to tell whether lines end in what may be the beginning of one. Looks at the
 * last line only, unless that one is a line of a pattern.
 */
export class LinePrefixes {
  /** First lines, each with its break: text may end in them in the middle of a line. */
  readonly #first: Buffer[] = [];
  /** Every other line but the last, as latin1: where patterns go on after it. */
  readonly #inner = new Map<string, { readonly pattern: Buffer; readonly end: number }[]>();
  #longestInner = 0;

  /** Patterns without a line break are none of its business. They neither begin nor end with one. */
  add(pattern: Buffer): void {
    let end = pattern.indexOf(LINE_FEED) + 1;
    if (end === 0) return;
    this.#first.push(pattern.subarray(0, end));
    for (let start = end; (end = pattern.indexOf(LINE_FEED, start) + 1) !== 0; start = end) {
      const line = pattern.toString('latin1', start, end);
      const places = this.#inner.get(line) ?? [];
      places.push({ pattern, end });
      this.#inner.set(line, places);
      this.#longestInner = Math.max(this.#longestInner, line.length);
    }
  }

  /** The start of the line in which the longest possible beginning of a pattern starts; all, when there is none. */
  safeLength(lines: Buffer): number {
    if (this.#first.length === 0) return lines.length;
    let held = 0;
    for (const first of this.#first) if (first.length > held && endsWith(lines, first)) held = first.length;
    for (const { pattern, end } of this.#continued(lines)) {
      if (end > held && endsWith(lines, pattern.subarray(0, end))) held = end;
    }
    if (held === 0) return lines.length;
    const start = lines.length - held;
    return start === 0 ? 0 : lines.lastIndexOf(LINE_FEED, start - 1) + 1;
  }

  #continued(lines: Buffer): readonly { readonly pattern: Buffer; readonly end: number }[] {
    if (this.#inner.size === 0 || lines.length < 2) return [];
    const start = lines.lastIndexOf(LINE_FEED, lines.length - 2) + 1;
    if (lines.length - start > this.#longestInner) return [];
    return this.#inner.get(lines.toString('latin1', start)) ?? [];
  }
}

function endsWith(text: Buffer, end: Buffer): boolean {
  return text.length >= end.length && text.compare(end, 0, end.length, text.length - end.length) === 0;
}

const LINE_FEED = 10;
