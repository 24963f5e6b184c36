import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogDisk, SegmentFile } from './log-disk.ts';

const SEGMENT_NAME = /\.log$/;

/** Segments in a folder, which is made when it is missing. Files are open to their owner alone: logs may tell much. */
export async function openLogDisk(directory: string): Promise<LogDisk> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    salt: () => randomBytes(4).readUInt32LE(),
    async list() {
      const names = (await readdir(directory)).filter((name) => SEGMENT_NAME.test(name));
      const found = await Promise.all(names.map((name) => describe(directory, name)));
      return found.filter((one) => one !== null);
    },
    async create(name) {
      const handle = await open(join(directory, name), 'wx+', 0o600);
      const folder = await open(directory, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
      return segmentFile(handle);
    },
    async open(name) {
      return segmentFile(await open(join(directory, name), 'r'));
    },
    async truncate(name, bytes) {
      const handle = await open(join(directory, name), 'r+');
      try {
        await handle.truncate(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    async remove(name) {
      await rm(join(directory, name), { force: true });
    },
  };
}

async function describe(
  directory: string,
  name: string,
): Promise<{ name: string; bytes: number; changedAt: number } | null> {
  try {
    const { size, mtimeMs } = await stat(join(directory, name));
    return { name, bytes: size, changedAt: mtimeMs };
  } catch (error) {
    // Another server removed it meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function segmentFile(handle: FileHandle): SegmentFile {
  return {
    async write(buffers, position) {
      let at = position;
      let rest = [...buffers];
      while (rest.length > 0) {
        const { bytesWritten } = await handle.writev(rest.slice(0, MAX_VECTORS), at);
        at += bytesWritten;
        rest = behind(rest, bytesWritten);
      }
    },
    sync: () => handle.datasync(),
    async read(position, length) {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    truncate: (bytes) => handle.truncate(bytes),
    close: () => handle.close(),
  };
}

/** What one call of the system takes. */
const MAX_VECTORS = 1_024;

/** A full disk may take a part only; the next write then says so. */
function behind(buffers: readonly Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (left < buffer.length) rest.push(left > 0 ? buffer.subarray(left) : buffer);
    left = Math.max(0, left - buffer.length);
  }
  return rest;
}
