/**
 * How a record lies in the journal's file: `PCJ1`, number, length in bytes, CRC-32 of number, length and text (each 32
 * bits, little endian), then the text in UTF-8. Behind the last frame come zeros: the room kept for further ones.
 */
import { crc32 } from 'node:zlib';

/** Bytes before the text. */
export const FRAME_HEADER_BYTES = 16;
/** Of a text, in UTF-8. A server takes no longer record either. */
export const MAX_RECORD_BYTES = 4_000_000;

const MAGIC = Buffer.from('PCJ1');
const NUMBER_AT = 4;
const LENGTH_AT = 8;
const CRC_AT = 12;

export interface Frame {
  readonly seq: number;
  readonly text: string;
  /** Of the first byte behind it. */
  readonly end: number;
}

export function encodeFrame(seq: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  MAGIC.copy(frame);
  frame.writeUInt32LE(seq, NUMBER_AT);
  frame.writeUInt32LE(length, LENGTH_AT);
  frame.write(text, FRAME_HEADER_BYTES);
  frame.writeUInt32LE(checksum(frame), CRC_AT);
  return frame;
}

/** The whole and undamaged frame that begins at `offset`; null when there is none. */
export function decodeFrame(bytes: Buffer, offset: number): Frame | null {
  const length = textLength(bytes.subarray(offset));
  const text = offset + FRAME_HEADER_BYTES;
  const end = text + (length ?? 0);
  if (length === null || end > bytes.length) return null;
  const frame = bytes.subarray(offset, end);
  if (frame.readUInt32LE(CRC_AT) !== checksum(frame)) return null;
  return { seq: frame.readUInt32LE(NUMBER_AT), text: bytes.toString('utf8', text, end), end };
}

/** What the header at the start of `bytes` says of the text behind it; null when it is none. */
export function textLength(bytes: Buffer): number | null {
  if (bytes.length < FRAME_HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const length = bytes.readUInt32LE(LENGTH_AT);
  return length > MAX_RECORD_BYTES ? null : length;
}

/** Whether some whole frame begins behind `offset`: then what is broken there was once followed by more. */
export function hasFrameBehind(bytes: Buffer, offset: number): boolean {
  for (let at = bytes.indexOf(MAGIC, offset + 1); at !== -1; at = bytes.indexOf(MAGIC, at + 1))
    if (decodeFrame(bytes, at) !== null) return true;
  return false;
}

function checksum(frame: Buffer): number {
  return crc32(frame.subarray(FRAME_HEADER_BYTES), crc32(frame.subarray(NUMBER_AT, CRC_AT)));
}
