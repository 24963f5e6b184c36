import type { SegmentFile } from './log-disk.ts';
import {
  decodeFrameHead,
  decodeSegmentHead,
  FRAME_HEAD_BYTES,
  FRAME_MAGIC,
  type FrameHead,
  isIntact,
  SEGMENT_HEAD_BYTES,
} from './log-frame.ts';

export interface ScannedFrame extends FrameHead {
  readonly position: number;
  readonly payload: Buffer;
}

export type Scanned =
  | { readonly kind: 'frame'; readonly frame: ScannedFrame }
  /** No frame, and not the zeros of a segment's end either. */
  | { readonly kind: 'damage'; readonly position: number; readonly bytes: number }
  /** Where the last frame ends. Always the last. */
  | { readonly kind: 'end'; readonly position: number };

/** Looked at at once where frames are searched for. */
const STRIDE_BYTES = 1024 * 1024;
const MAX_HEAD_BYTES = FRAME_HEAD_BYTES + 500;

/**
 * The frames of a segment from a position on, in order, one in memory at a time. What is damaged is told and skipped:
 * the next frame is searched for.
 */
export async function* scanSegment(file: SegmentFile, from = SEGMENT_HEAD_BYTES): AsyncGenerator<Scanned> {
  const salt = decodeSegmentHead(await file.read(0, SEGMENT_HEAD_BYTES));
  if (salt === null) {
    yield { kind: 'damage', position: 0, bytes: SEGMENT_HEAD_BYTES };
    yield { kind: 'end', position: 0 };
    return;
  }
  let end = Math.max(from, SEGMENT_HEAD_BYTES);
  for (let at: number | null = end; at !== null;) {
    const frame = await frameAt(file, at, salt);
    if (frame !== null) {
      if (at > end && !(await allZero(file, end, at))) yield { kind: 'damage', position: end, bytes: at - end };
      yield { kind: 'frame', frame };
      end = at + frame.headBytes + frame.length;
      at = end;
    } else at = await nextMagic(file, at + 1);
  }
  const size = await sizeFrom(file, end);
  if (size > end && !(await allZero(file, end, size))) yield { kind: 'damage', position: end, bytes: size - end };
  yield { kind: 'end', position: end };
}

async function frameAt(file: SegmentFile, position: number, salt: number): Promise<ScannedFrame | null> {
  const head = decodeFrameHead(await file.read(position, MAX_HEAD_BYTES));
  if (head === null) return null;
  const bytes = await file.read(position, head.headBytes + head.length);
  if (!isIntact(bytes, head, salt)) return null;
  return { ...head, position, payload: bytes.subarray(head.headBytes) };
}

async function nextMagic(file: SegmentFile, from: number): Promise<number | null> {
  for (let at = from; ; at += STRIDE_BYTES) {
    // A magic across two strides is found as well.
    const bytes = await file.read(at, STRIDE_BYTES + FRAME_MAGIC.length - 1);
    const found = bytes.indexOf(FRAME_MAGIC);
    if (found >= 0) return at + found;
    if (bytes.length < STRIDE_BYTES) return null;
  }
}

async function allZero(file: SegmentFile, from: number, to: number): Promise<boolean> {
  for (let at = from; at < to; at += STRIDE_BYTES) {
    const bytes = await file.read(at, Math.min(STRIDE_BYTES, to - at));
    if (!bytes.equals(Buffer.alloc(bytes.length))) return false;
  }
  return true;
}

async function sizeFrom(file: SegmentFile, from: number): Promise<number> {
  for (let at = from; ; at += STRIDE_BYTES) {
    const { length } = await file.read(at, STRIDE_BYTES);
    if (length < STRIDE_BYTES) return at + length;
  }
}
