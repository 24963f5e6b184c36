import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { LogDisk, SegmentFile } from '../../../src/server/logs/log-disk.ts';
import { openLogDisk } from '../../../src/server/logs/open-log-disk.ts';
import { CAN_MOUNT, smallDisk } from '../../support/small-disk.ts';
import { append, durable, type LogBench, openBench, readAll } from './log-harness.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function bench(options: Parameters<typeof openBench>[0]): Promise<LogBench> {
  const made = await openBench(options);
  closers.push(() => made.close());
  return made;
}

const full = { ok: false, error: { code: 'unavailable', reason: 'disk-full' } };

describe('a full disk', () => {
  (CAN_MOUNT ? it : it.skip)('refuses logs, says so once, and goes on when there is room', async () => {
    const small = smallDisk(6 * 1024);
    closers.push(() => small.remove());
    const { logs, said } = await bench({ disk: await openLogDisk(small.path) });
    const line = Buffer.alloc(512 * 1024, 'x');
    expect(await append(logs, 0, line)).toEqual(durable(line.length));
    const other = join(small.path, 'other');
    await writeFile(other, Buffer.alloc(4 * 1024 * 1024)).catch(() => undefined);
    let stored = line.length;
    for (let left = 20; left > 0; left--) {
      const reply = await append(logs, stored, line);
      if (!reply.ok) {
        expect(reply).toMatchObject(full);
        break;
      }
      stored += line.length;
    }
    expect(await append(logs, stored, line)).toMatchObject(full);
    expect(said.map(({ message }) => message)).toEqual(['logs cannot be written']);
    await rm(other);
    expect(await append(logs, stored, line)).toEqual(durable(stored + line.length));
    expect(said.map(({ message }) => message)).toEqual(['logs cannot be written', 'logs are written again']);
    expect((await readAll(logs)).equals(Buffer.alloc(stored + line.length, 'x'))).toBe(true);
  });

  it('in the middle of a frame leaves nothing behind', async () => {
    const disk = faultyDisk();
    const { logs } = await bench({ disk });
    await append(logs, 0, 'one ');
    disk.failWrite = 'ENOSPC';
    expect(await append(logs, 4, 'two ')).toMatchObject(full);
    disk.failWrite = null;
    expect(await append(logs, 4, 'two ')).toEqual(durable(8));
    expect(String(await readAll(logs))).toBe('one two ');
  });

  it('a flush that failed is never tried again on the same file', async () => {
    const disk = faultyDisk();
    const { logs } = await bench({ disk });
    await append(logs, 0, 'one ');
    disk.failSync = 'EIO';
    expect(await append(logs, 4, 'two ')).toMatchObject({ ok: false, error: { code: 'unavailable', reason: null } });
    disk.failSync = null;
    expect(await append(logs, 4, 'two ')).toEqual(durable(8));
    expect([...disk.files.keys()]).toEqual(['one.00000001.log', 'one.00000002.log']);
    expect(String(await readAll(logs))).toBe('one two ');
  });

  it('all that comes while a flush is under way shares the next one', async () => {
    const disk = faultyDisk();
    const { logs } = await bench({ disk });
    await append(logs, 0, 'x', { step: 0 });
    let open = (): void => undefined;
    disk.gate = new Promise((resolve) => (open = resolve));
    const before = disk.syncs;
    const first = append(logs, 0, 'x', { step: 1 });
    await disk.reached;
    const rest = Array.from({ length: 50 }, (_, index) => append(logs, 0, 'x', { step: index + 2 }));
    open();
    for (const reply of await Promise.all([first, ...rest])) expect(reply).toEqual(durable(1));
    expect(disk.syncs - before).toBe(2);
  });
});

interface FaultyDisk extends LogDisk {
  readonly files: Map<string, Buffer>;
  failWrite: string | null;
  failSync: string | null;
  /** A flush waits for it. */
  gate: Promise<void>;
  /** The gate is waited for. */
  readonly reached: Promise<void>;
  syncs: number;
}

/** In memory; a write that fails has written half. */
function faultyDisk(): FaultyDisk {
  let reach = (): void => undefined;
  const files = new Map<string, Buffer>();
  const failure = (code: string): Error => Object.assign(new Error(code), { code });
  const file = (name: string): SegmentFile => ({
    write(buffers, position) {
      const bytes = Buffer.concat(buffers);
      const written = disk.failWrite === null ? bytes : bytes.subarray(0, bytes.length / 2);
      const old = files.get(name) ?? Buffer.alloc(0);
      const grown = Buffer.alloc(Math.max(old.length, position + written.length));
      old.copy(grown);
      written.copy(grown, position);
      files.set(name, grown);
      return disk.failWrite === null ? Promise.resolve() : Promise.reject(failure(disk.failWrite));
    },
    async sync() {
      disk.syncs += 1;
      if (disk.failSync !== null) throw failure(disk.failSync);
      reach();
      await disk.gate;
    },
    read: (position, length) =>
      Promise.resolve(Buffer.from((files.get(name) ?? Buffer.alloc(0)).subarray(position, position + length))),
    truncate: (bytes) => disk.truncate(name, bytes),
    close: () => Promise.resolve(),
  });
  const disk: FaultyDisk = {
    files,
    failWrite: null,
    failSync: null,
    gate: Promise.resolve(),
    reached: new Promise((resolve) => (reach = resolve)),
    syncs: 0,
    salt: () => 7,
    list: () => Promise.resolve([...files].map(([name, { length }]) => ({ name, bytes: length, changedAt: 0 }))),
    create(name) {
      files.set(name, Buffer.alloc(0));
      return Promise.resolve(file(name));
    },
    open: (name) => (files.has(name) ? Promise.resolve(file(name)) : Promise.reject(failure('ENOENT'))),
    truncate(name, bytes) {
      files.set(name, (files.get(name) ?? Buffer.alloc(0)).subarray(0, bytes));
      return Promise.resolve();
    },
    remove(name) {
      files.delete(name);
      return Promise.resolve();
    },
  };
  return disk;
}
