/**
 * Chunks of several logs as one body: the length of a heading in 4 bytes (big-endian), the heading, which is the JSON of
 * a list of {@link batchedChunkSchema}, then the bytes of the chunks, one after the other.
 */
import { z } from 'zod';
import { batchedChunkSchema, type LogChunk, MAX_BATCH_CHUNKS } from './agent-api.ts';

export function encodeLogBatch(chunks: readonly LogChunk[]): Uint8Array {
  const places = chunks.map(({ bytes, ...place }) => ({ ...place, length: bytes.length }));
  const heading = Buffer.from(JSON.stringify(places));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(heading.length);
  return Buffer.concat([length, heading, ...chunks.map(({ bytes }) => bytes)]);
}

/** The bytes are views of the body. Null: it is no batch, or not one whole one. */
export function decodeLogBatch(body: Buffer): readonly LogChunk[] | null {
  if (body.length < LENGTH_BYTES) return null;
  let at = LENGTH_BYTES + body.readUInt32BE();
  const places = headingSchema.safeParse(parse(body.toString('utf8', LENGTH_BYTES, at)));
  if (!places.success) return null;
  const chunks = places.data.map(({ length, ...place }) => {
    const bytes = body.subarray(at, at + length);
    at += length;
    return { ...place, bytes };
  });
  return at === body.length ? chunks : null;
}

const LENGTH_BYTES = 4;
const headingSchema = z.array(batchedChunkSchema).min(1).max(MAX_BATCH_CHUNKS);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No schema fits it.
    return null;
  }
}
