import type { IncomingMessage } from 'node:http';
import { tooMuchToDo } from './admission.ts';
import type { BodyRoom } from './admission.ts';
import type { ApiFailure } from './api-failure.ts';
import { failure } from './api-failure.ts';

/** What is read and thrown away of a body that is too large, so that its sender gets to read the answer. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;

/**
 * The whole body. Refuses one of more than `limit` bytes (`too-large`), one that is packed (`content-type`), and one that
 * there is no room for.
 */
export async function readBody(incoming: IncomingMessage, limit: number, room: BodyRoom): Promise<Buffer> {
  const encoding = incoming.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw failure('invalid', 'content-type', `a body with Content-Encoding ${encoding} is not taken; send it as it is`);
  const announced = Number(incoming.headers['content-length'] ?? 0);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const tooLarge = (): void => reject(tooLargeBody(limit));
    if (announced > limit + MAX_DISCARDED_BYTES) tooLarge();
    let keeps = true;
    const discard = (): void => {
      keeps = false;
      chunks.length = 0;
      room.free();
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > limit) discard();
      if (length > limit + MAX_DISCARDED_BYTES) tooLarge();
      if (!keeps) return;
      if (room.take(chunk.length)) {
        chunks.push(chunk);
        return;
      }
      discard();
      reject(tooMuchToDo());
    };
    incoming.on('data', take);
    const cut = (): void => reject(cutShort());
    incoming.once('end', () => {
      // What was read closes too, and an error that nobody is told costs as much as another.
      incoming.off('close', cut);
      incoming.off('error', cut);
      incoming.off('data', take);
      if (length > limit) tooLarge();
      else resolve(only(chunks) ?? Buffer.concat(chunks, length));
    });
    incoming.once('error', cut);
    incoming.once('close', cut);
  });
}

function only(chunks: readonly Buffer[]): Buffer | undefined {
  return chunks.length === 1 ? chunks[0] : undefined;
}

function tooLargeBody(limit: number): ApiFailure {
  return failure('invalid', 'too-large', `the body is too large: at most ${size(limit)} are taken here`, { limit });
}

function cutShort(): ApiFailure {
  return failure('invalid', null, 'the body ended before it was complete');
}

/** `1.5 MB`; MB as 2^20 bytes. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${round(bytes / 1024)} KB`;
  return `${round(bytes / 1024 / 1024)} MB`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Enough for everything but workflows, records and logs. */
export const SMALL_BODY_BYTES = 512 * 1024;
