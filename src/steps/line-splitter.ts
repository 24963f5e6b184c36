/** What is cut off a line that is too long for one. */
export interface LongLine {
  /** Where to cut: as near below `limit` as possible, never inside of a hit. At least 1. */
  readonly cut: (line: Buffer, limit: number) => number;
  /** How much of a line beyond {@link MAX_LINE_BYTES} `cut` has to see. */
  readonly lookAheadBytes: () => number;
  /** A piece of it without a line break, in order; `last` is what the break ended. */
  readonly take: (piece: Buffer, last: boolean) => void;
}

/**
 * Cuts bytes into whole lines, whatever blocks they come in. LF, CR LF and a lone CR end a line, as on GitHub (so that
 * progress bars are many lines); they come out as LF. Lines over {@link MAX_LINE_BYTES} come out in pieces, so that no
 * line costs more memory than that.
 */
export class LineSplitter {
  readonly #takeLines: (lines: Buffer) => void;
  readonly #long: LongLine;
  /** The unterminated line is the first `heldBytes` of it; room doubles, so that a growing line is not quadratic. */
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  #insideLongLine = false;
  /** The last block ended in a CR: a LF that follows belongs to it. */
  #afterCarriageReturn = false;

  constructor(takeLines: (lines: Buffer) => void, long: LongLine) {
    this.#takeLines = takeLines;
    this.#long = long;
  }

  /** Any size of block; no line inside of a part of this size is too long. */
  write(block: Buffer): void {
    for (let at = 0; at < block.length; at += MAX_LINE_BYTES) this.#write(block.subarray(at, at + MAX_LINE_BYTES));
  }

  #write(block: Buffer): void {
    let rest = block;
    if (this.#afterCarriageReturn && rest[0] === LINE_FEED) rest = rest.subarray(1);
    this.#afterCarriageReturn = block[block.length - 1] === CARRIAGE_RETURN;
    if (this.#heldBytes > 0 || this.#insideLongLine) rest = this.#finishHeld(rest);
    const end = lastBreak(rest) + 1;
    if (end > 0) this.#takeLines(withLineFeeds(rest.subarray(0, end)));
    if (end < rest.length) this.#hold(rest.subarray(end));
  }

  /** The unterminated line, if there is one, as a line. */
  end(): void {
    if (this.#heldBytes > 0 || this.#insideLongLine) this.#finishHeld(LINE_BREAK);
  }

  /** Ends the held line with the first break in the block and returns what follows; nothing if there is no break. */
  #finishHeld(block: Buffer): Buffer {
    const end = firstBreak(block);
    if (end < 0) {
      this.#hold(block);
      return EMPTY;
    }
    this.#hold(block.subarray(0, end));
    if (this.#insideLongLine) this.#long.take(this.#takeHeld(), true);
    else {
      this.#append(LINE_BREAK);
      this.#takeLines(this.#takeHeld());
    }
    this.#insideLongLine = false;
    const isPair = block[end] === CARRIAGE_RETURN && block[end + 1] === LINE_FEED;
    return block.subarray(end + (isPair ? 2 : 1));
  }

  #hold(part: Buffer): void {
    this.#append(part);
    while (this.#heldBytes >= MAX_LINE_BYTES + this.#long.lookAheadBytes()) {
      // Only so much may decide about the cut as is there however the bytes were split.
      const seen = MAX_LINE_BYTES + this.#long.lookAheadBytes();
      const line = this.#takeHeld();
      const cut = this.#long.cut(line.subarray(0, seen), MAX_LINE_BYTES);
      this.#long.take(line.subarray(0, cut), false);
      this.#insideLongLine = true;
      this.#append(line.subarray(cut));
    }
  }

  #append(part: Buffer): void {
    const length = this.#heldBytes + part.length;
    if (length > this.#held.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(MIN_ROOM_BYTES, 2 * this.#held.length, length));
      this.#held.copy(room, 0, 0, this.#heldBytes);
      this.#held = room;
    }
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes = length;
  }

  #takeHeld(): Buffer {
    const line = this.#held.subarray(0, this.#heldBytes);
    this.#held = EMPTY;
    this.#heldBytes = 0;
    return line;
  }
}

function firstBreak(bytes: Buffer): number {
  const feed = bytes.indexOf(LINE_FEED);
  const carriageReturn = (feed < 0 ? bytes : bytes.subarray(0, feed)).indexOf(CARRIAGE_RETURN);
  return carriageReturn < 0 ? feed : carriageReturn;
}

function lastBreak(bytes: Buffer): number {
  const feed = bytes.lastIndexOf(LINE_FEED);
  const carriageReturn = bytes.subarray(feed + 1).lastIndexOf(CARRIAGE_RETURN);
  return carriageReturn < 0 ? feed : feed + 1 + carriageReturn;
}

/** The bytes themselves when there is no CR in them. */
function withLineFeeds(lines: Buffer): Buffer {
  if (!lines.includes(CARRIAGE_RETURN)) return lines;
  const result = Buffer.allocUnsafe(lines.length);
  let length = 0;
  for (let at = 0; at < lines.length; at++) {
    const byte = lines[at] as number;
    if (byte === CARRIAGE_RETURN && lines[at + 1] === LINE_FEED) continue;
    result[length++] = byte === CARRIAGE_RETURN ? LINE_FEED : byte;
  }
  return result.subarray(0, length);
}

/** A line of a log is not longer; the rest of it follows on the next one. */
export const MAX_LINE_BYTES = 1_048_576;
const MIN_ROOM_BYTES = 256;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const LINE_BREAK = Buffer.from('\n');
const EMPTY = Buffer.alloc(0);
