import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** What `log-sealed` says of a log. */
export interface LogMeasure {
  readonly length: number;
  /** SHA-256 of all bytes, hex. */
  readonly hash: string;
}

/**
 * Of the file of a log as it lies there, for who speaks for a dead worker. A missing one is empty.
 * @param maxLength What lies behind this many bytes is not looked at.
 */
export async function measureLog(path: string, maxLength = Infinity): Promise<LogMeasure> {
  const hash = createHash('sha256');
  let length = 0;
  if (maxLength <= 0) return { length, hash: hash.digest('hex') };
  try {
    for await (const block of createReadStream(path, { end: maxLength - 1 })) {
      hash.update(block as Buffer);
      length += (block as Buffer).length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { length, hash: hash.digest('hex') };
}
