/**
 * A frame of a segment, little-endian:
 * ```
 *  0  magic        4   "PLfr"
 *  4  CRC-32       4   of everything behind it, begun with the segment's salt
 *  8  step         4
 * 12  length       4   of the payload
 * 16  offset       6   of the payload's first byte in the log
 * 22  id length    2
 * 24  attempt id, payload
 * ```
 * A segment begins with "PACELOG1", its salt, and a CRC-32 of both. The salt is unpredictable: what a step prints cannot
 * pass for a frame where a damaged segment is searched for the next one.
 */
import { crc32 } from 'node:zlib';

export interface FrameHead {
  readonly attempt: string;
  readonly step: number;
  readonly offset: number;
  /** Of the payload. */
  readonly length: number;
  /** Before the payload. */
  readonly headBytes: number;
}

export const SEGMENT_HEAD_BYTES = 16;
/** Up to the attempt's id. */
export const FRAME_HEAD_BYTES = 24;
export const FRAME_MAGIC = Buffer.from('PLfr');
const SEGMENT_MAGIC = Buffer.from('PACELOG1');
const MAX_ID_BYTES = 500;
/** Nobody writes longer ones. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

export function encodeSegmentHead(salt: number): Buffer {
  const head = Buffer.alloc(SEGMENT_HEAD_BYTES);
  SEGMENT_MAGIC.copy(head);
  head.writeUInt32LE(salt >>> 0, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12);
  return head;
}

/** The salt; null when it is no segment, or damaged at its very beginning. */
export function decodeSegmentHead(head: Buffer): number | null {
  if (head.length < SEGMENT_HEAD_BYTES || !head.subarray(0, 8).equals(SEGMENT_MAGIC)) return null;
  return crc32(head.subarray(0, 12)) === head.readUInt32LE(12) ? head.readUInt32LE(8) : null;
}

/** What stands before the payload. */
export function encodeFrameHead(
  { attempt, step, offset }: Pick<FrameHead, 'attempt' | 'step' | 'offset'>,
  payload: Uint8Array,
  salt: number,
): Buffer {
  const id = Buffer.from(attempt);
  const head = Buffer.alloc(FRAME_HEAD_BYTES + id.length);
  FRAME_MAGIC.copy(head);
  head.writeUInt32LE(step, 8);
  head.writeUInt32LE(payload.length, 12);
  head.writeUIntLE(offset, 16, 6);
  head.writeUInt16LE(id.length, 22);
  id.copy(head, FRAME_HEAD_BYTES);
  head.writeUInt32LE(checksum(head, payload, salt), 4);
  return head;
}

/** Null when no frame begins here; the frame need not be complete. */
export function decodeFrameHead(bytes: Buffer): FrameHead | null {
  if (bytes.length < FRAME_HEAD_BYTES || !bytes.subarray(0, 4).equals(FRAME_MAGIC)) return null;
  const idLength = bytes.readUInt16LE(22);
  const length = bytes.readUInt32LE(12);
  const headBytes = FRAME_HEAD_BYTES + idLength;
  if (idLength > MAX_ID_BYTES || length > MAX_PAYLOAD_BYTES || bytes.length < headBytes) return null;
  return {
    attempt: bytes.toString('utf8', FRAME_HEAD_BYTES, headBytes),
    step: bytes.readUInt32LE(8),
    offset: bytes.readUIntLE(16, 6),
    length,
    headBytes,
  };
}

/** Whether a whole frame is as it was written. */
export function isIntact(frame: Buffer, { headBytes, length }: FrameHead, salt: number): boolean {
  if (frame.length < headBytes + length) return false;
  const payload = frame.subarray(headBytes, headBytes + length);
  return checksum(frame.subarray(0, headBytes), payload, salt) === frame.readUInt32LE(4);
}

function checksum(head: Buffer, payload: Uint8Array, salt: number): number {
  return crc32(payload, crc32(head.subarray(8), salt));
}
