const NEWLINE = 0x0a;

export function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  // A loop over bytes is faster than `indexOf` where lines are short, as they mostly are.
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === NEWLINE) count++;
  return count;
}

export function endsLine(bytes: Uint8Array): boolean {
  return bytes[bytes.length - 1] === NEWLINE;
}

/** Behind the nth newline, or null when there are fewer. */
export function behindNewline(bytes: Uint8Array, nth: number): number | null {
  let at = 0;
  for (let left = nth; left > 0; left--) {
    const found = bytes.indexOf(NEWLINE, at);
    if (found < 0) return null;
    at = found + 1;
  }
  return at;
}

/** Lines of a log so far. */
export interface LineState {
  /** Those that have begun. */
  readonly lines: number;
  /** The last one has no end yet. */
  readonly openLine: boolean;
}

/** `bytes` are at least one. */
export function withBytes({ lines, openLine }: LineState, bytes: Uint8Array): LineState {
  const newlines = countNewlines(bytes);
  const open = !endsLine(bytes);
  return { lines: lines - (openLine ? 1 : 0) + newlines + (open ? 1 : 0), openLine: open };
}

/** Number of the line that the next byte belongs to. */
export function nextByteLine({ lines, openLine }: LineState): number {
  return openLine ? lines : lines + 1;
}
