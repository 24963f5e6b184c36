import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open as openFile, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeFrame, FRAME_HEADER_BYTES, MAX_RECORD_BYTES } from '../../src/journal/frame.ts';
import { GROUP_COMMIT_MS, JournalHeldError } from '../../src/journal/open-journal.ts';
import { inspectJournal, JournalReader, readAllRecords, readJournal } from '../../src/journal/read-journal.ts';
import { RESERVE_BYTES } from '../../src/journal/reserved-file.ts';
import { CHAIN_START, chainHash } from '../../src/kernel/record-chain.ts';
import { identityOf, isAlive } from '../../src/process/process-identity.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { CAN_MOUNT, smallDisk } from '../support/small-disk.ts';
import { ALL, Folders, Level, open, OWNER, write } from './journal-folder.ts';

const folders = new Folders();
afterEach(() => folders.removeAll());

const FINISH = JSON.stringify({ kind: 'job-finished' });

describe('what is appended', () => {
  it('gets numbers from 1 without gaps, and hashes that hang on all before', async () => {
    const path = join(await folders.make(), 'journal');
    const journal = await open(path);
    expect([journal.lastSeq, journal.lastHash, journal.finished]).toEqual([0, CHAIN_START, false]);
    expect(await journal.append('"a"', 'now')).toBe(1);
    expect(await journal.append('"ü"', 'soon')).toBe(2);
    const hash = chainHash(chainHash(CHAIN_START, '"a"'), '"ü"');
    expect(journal).toMatchObject({ lastSeq: 2, lastHash: hash, durableSeq: 2 });
    await journal.close();
    expect(await inspectJournal(path)).toEqual({
      ...{ lastSeq: 2, lastHash: hash, finished: false },
      tail: { kind: 'clean' },
    });
  });

  it('is in the file before it is on the disk, so that it outlives the process', async () => {
    const path = join(await folders.make(), 'journal');
    const journal = await open(path, { clock: new FakeClock() });
    void journal.append('"soon"', 'soon');
    expect((await readJournal(path, ALL))?.records).toEqual(['"soon"']);
    expect(journal.durableSeq).toBe(0);
    await journal.close();
  });

  it('goes to the disk at once with `now`, and takes along what waited', async () => {
    const clock = new FakeClock();
    const durable = new Level();
    const journal = await open(join(await folders.make(), 'journal'), { clock, onDurable: durable.raise });
    void journal.append('1', 'soon');
    await journal.append('2', 'now');
    expect(durable.value).toBe(2);
    expect(clock.pendingTimers).toBe(0);
    await journal.close();
  });

  it('goes to the disk in a group with `soon`', async () => {
    const clock = new FakeClock();
    const told: number[] = [];
    const reached = new Level();
    const journal = await open(join(await folders.make(), 'journal'), {
      clock,
      onDurable: (seq) => {
        told.push(seq);
        reached.raise(seq);
      },
    });
    for (let i = 0; i < 10; i++) void journal.append(String(i), 'soon');
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(GROUP_COMMIT_MS);
    await reached.reached(10);
    expect(told).toEqual([10]);
    await journal.close();
  });

  it('is refused behind job-finished, which gives the reserve back', async () => {
    const path = join(await folders.make(), 'journal');
    const journal = await open(path);
    await journal.append('"first"', 'now');
    await journal.append(FINISH, 'now');
    await expect(journal.append('"more"', 'now')).rejects.toThrow('last record');
    expect((await stat(path)).size).toBeGreaterThan(RESERVE_BYTES);
    await journal.close();
    expect((await stat(path)).size).toBe('"first"'.length + FINISH.length + 2 * FRAME_HEADER_BYTES);
    expect(await inspectJournal(path)).toMatchObject({ finished: true });
  });

  it('is refused when it is longer than a server takes, and what follows is not disturbed', async () => {
    const path = join(await folders.make(), 'journal');
    const journal = await open(path);
    await expect(journal.append('x'.repeat(MAX_RECORD_BYTES + 1), 'now')).rejects.toThrow('at most 4000000 bytes');
    await journal.append('x'.repeat(MAX_RECORD_BYTES), 'now');
    await journal.append('"b"', 'now');
    await journal.close();
    expect(await inspectJournal(path)).toMatchObject({ lastSeq: 2, tail: { kind: 'clean' } });
  });

  it('goes on behind what another process left', async () => {
    const path = join(await folders.make(), 'journal');
    await write(path, ['1', '2']);
    await write(path, ['3']);
    expect((await readJournal(path, ALL))?.records).toEqual(['1', '2', '3']);
  });
});

describe('reading', () => {
  it('follows a journal that grows, in parts, no further than asked', async () => {
    const path = join(await folders.make(), 'journal');
    const reader = new JournalReader(path);
    expect(await reader.read(ALL)).toEqual({ before: CHAIN_START, records: [] });
    const journal = await open(path);
    for (const text of ['"a"', '"b"', '"c"']) await journal.append(text, 'now');
    const first = chainHash(CHAIN_START, '"a"');
    expect(await reader.read({ ...ALL, maxRecords: 1 })).toEqual({ before: CHAIN_START, records: ['"a"'] });
    expect(await reader.read({ ...ALL, fromSeq: 2, toSeq: 2 })).toEqual({ before: first, records: ['"b"'] });
    expect(await reader.read({ ...ALL, maxBytes: 6 })).toMatchObject({ records: ['"a"', '"b"'] });
    expect(await reader.read({ ...ALL, fromSeq: 3, maxBytes: 1 })).toMatchObject({ records: ['"c"'] });
    expect(await reader.read({ ...ALL, fromSeq: 4 })).toEqual({ before: journal.lastHash, records: [] });
    await journal.append('"d"', 'now');
    expect(await reader.read({ ...ALL, fromSeq: 4 })).toMatchObject({ records: ['"d"'] });
    await journal.close();
  });

  it('says when the journal does not reach so far', async () => {
    const path = join(await folders.make(), 'journal');
    expect(await readJournal(path, { ...ALL, fromSeq: 2 })).toBeNull();
    await write(path, ['1']);
    expect(await readJournal(path, { ...ALL, fromSeq: 3 })).toBeNull();
  });

  it('finds nothing in a journal that is not there', async () => {
    const path = join(await folders.make(), 'journal');
    expect(await inspectJournal(path)).toMatchObject({ lastSeq: 0, lastHash: CHAIN_START, finished: false });
    expect(await readAllRecords(path)).toEqual([]);
  });
});

describe('what a crash or a disk leaves', () => {
  it('a torn last record is cut off and kept beside', async () => {
    const path = join(await folders.make(), 'journal');
    await write(path, ['"one"', '"two"']);
    const whole = 2 * (FRAME_HEADER_BYTES + 5);
    await truncate(path, whole - 2);
    expect(await inspectJournal(path)).toMatchObject({
      lastSeq: 1,
      tail: { kind: 'torn', offset: whole / 2, bytes: whole / 2 - 2 },
    });
    const journal = await open(path);
    expect(journal).toMatchObject({ lastSeq: 1, found: { kind: 'torn' } });
    await journal.append('"new"', 'now');
    await journal.close();
    expect((await readJournal(path, ALL))?.records).toEqual(['"one"', '"new"']);
    expect(await inspectJournal(path)).toMatchObject({ tail: { kind: 'clean' } });
    expect((await readFile(`${path}.torn-${whole / 2}`)).length).toBe(whole / 2 - 2);
  });

  it('behind a flipped bit in the middle nothing is used, and that is told', async () => {
    const path = join(await folders.make(), 'journal');
    await write(path, ['"one"', '"two"', '"three"']);
    const second = FRAME_HEADER_BYTES + 5;
    await flip(path, second + FRAME_HEADER_BYTES + 1, 3);
    expect(await inspectJournal(path)).toMatchObject({ lastSeq: 1, tail: { kind: 'damaged', offset: second } });
    expect((await readJournal(path, ALL))?.records).toEqual(['"one"']);
    const journal = await open(path);
    expect(journal).toMatchObject({ lastSeq: 1, found: { kind: 'damaged', offset: second } });
    await journal.close();
    expect((await readFile(`${path}.damaged-${second}`, 'latin1')).endsWith('"three"')).toBe(true);
  });

  it('a record that is there twice ends what is used', async () => {
    const path = join(await folders.make(), 'journal');
    await writeFile(path, Buffer.concat([encodeFrame(1, '1'), encodeFrame(2, '2'), encodeFrame(2, 'other')]));
    expect(await inspectJournal(path)).toMatchObject({ lastSeq: 2, tail: { kind: 'damaged' } });
  });
});

describe('the one writer', () => {
  it('is alone while it lives', async () => {
    const path = join(await folders.make(), 'journal');
    const journal = await open(path);
    await expect(open(path)).rejects.toThrow(JournalHeldError);
    await journal.close();
    await (await open(path)).close();
  });

  it('is followed when it has died, by one of all who try', async () => {
    const folder = await folders.make();
    const path = join(folder, 'journal');
    const dead = await deadProcess();
    const journal = await open(path, { owner: { identity: dead, isAlive } });
    await journal.append('1', 'now');
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => open(path)));
    const opened = tries.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
    expect(opened).toHaveLength(1);
    for (const one of opened) await one.close();
    // The dead one's own handle of this test; its lock is not there any more.
    await journal.close();
    expect((await readdir(folder)).sort()).toEqual(['journal']);
  });

  it('is not mistaken for another process that got its number', async () => {
    const path = join(await folders.make(), 'journal');
    const [boot, pid] = OWNER.identity.split(' ');
    await symlink(`${boot} ${pid} 1`, `${path}.lock`);
    await (await open(path)).close();
    await symlink(`another-boot ${OWNER.identity.split(' ').slice(1).join(' ')}`, `${path}.lock`);
    await (await open(path)).close();
  });

  it('leaves no lock where the journal cannot be opened', async () => {
    const path = join(await folders.make(), 'none', 'journal');
    await expect(open(path)).rejects.toThrow('ENOENT');
  });
});

(CAN_MOUNT ? describe : describe.skip)('on a full disk', () => {
  it('results still find room, and what does not is refused whole', async () => {
    const disk = smallDisk(2_048);
    try {
      const path = join(disk.path, 'journal');
      await write(path, ['"first"']);
      await fill(join(disk.path, 'else'));
      const journal = await open(path);
      // What is left of the step by which the reserve grows does not count.
      for (let i = 0; !journal.isFull; i++) await journal.append(JSON.stringify('x'.repeat(10_000) + String(i)), 'now');
      const before = journal.lastSeq;
      await expect(journal.append('y'.repeat(RESERVE_BYTES + 200_000), 'now')).rejects.toThrow('ENOSPC');
      await journal.append('"step"', 'now');
      await journal.append(FINISH, 'now');
      await journal.close();
      expect(await inspectJournal(path)).toMatchObject({
        lastSeq: before + 2,
        finished: true,
        tail: { kind: 'clean' },
      });
    } finally {
      disk.remove();
    }
  });
});

async function fill(path: string): Promise<void> {
  const file = await openFile(path, 'w');
  try {
    for (;;) await file.write(Buffer.alloc(65_536));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    await file.close();
  }
}

async function flip(path: string, offset: number, bit: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset] = (bytes[offset] as number) ^ (1 << bit);
  await writeFile(path, bytes);
}

async function deadProcess(): Promise<string> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const identity = identityOf(child.pid ?? 0) ?? '';
  const ended = once(child, 'exit');
  child.stdin.end();
  await ended;
  return identity;
}
