import { CHAIN_START, chainHash } from '../kernel/record-chain.ts';
import { decodeFrame, hasFrameBehind } from './frame.ts';

/**
 * What follows the usable records of a journal. `torn`: the beginning of a frame that was being written when the machine
 * or the process died. `damaged`: a broken frame with whole ones behind it, so the disk or somebody has changed it.
 */
export type JournalTail =
  { readonly kind: 'clean' } | { readonly kind: 'torn' | 'damaged'; readonly offset: number; readonly bytes: number };

export interface JournalScan {
  /** Of the first byte behind the last usable frame. */
  readonly end: number;
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly tail: JournalTail;
}

/** Looks at all frames in order; stops at the first that is broken or out of order. Nothing behind it is ever used. */
export function scanJournal(
  bytes: Buffer,
  onRecord: (text: string, seq: number) => void = () => undefined,
): JournalScan {
  let [end, lastSeq, lastHash] = [0, 0, CHAIN_START];
  for (let frame = decodeFrame(bytes, 0); frame !== null && frame.seq === lastSeq + 1;) {
    end = frame.end;
    lastSeq = frame.seq;
    lastHash = chainHash(lastHash, frame.text);
    onRecord(frame.text, lastSeq);
    frame = decodeFrame(bytes, end);
  }
  return { end, lastSeq, lastHash, tail: tailOf(bytes, end) };
}

function tailOf(bytes: Buffer, end: number): JournalTail {
  const used = withoutZeros(bytes, end);
  if (used === end) return { kind: 'clean' };
  const kind = decodeFrame(bytes, end) !== null || hasFrameBehind(bytes, end) ? 'damaged' : 'torn';
  return { kind, offset: end, bytes: used - end };
}

/** Where the zeros at the end begin, from `start` on. */
function withoutZeros(bytes: Buffer, start: number): number {
  let used = bytes.length;
  // The reserve is a megabyte; byte by byte would be felt in the start of a job.
  while (used - start >= ZEROS.length && bytes.subarray(used - ZEROS.length, used).equals(ZEROS)) used -= ZEROS.length;
  while (used > start && bytes[used - 1] === 0) used--;
  return used;
}

const ZEROS = Buffer.alloc(4_096);
