import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { LOG_SYNC_MS, LogCutError, LogSpool, type LogSpoolOptions } from '../../src/journal/log-spool.ts';
import { measureLog } from '../../src/journal/measure-log.ts';
import { openSteps } from '../../src/journal/open-steps.ts';
import { unsealedLogs } from '../../src/journal/unsealed-logs.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { StepState } from '../../src/protocol/events.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { CAN_MOUNT, smallDisk } from '../support/small-disk.ts';
import { Folders } from './journal-folder.ts';

const folders = new Folders();
afterEach(() => folders.removeAll());

async function spoolIn(directory: string, options: Partial<LogSpoolOptions> = {}): Promise<Spool> {
  const lengths: string[] = [];
  const clock = new FakeClock();
  await mkdir(directory, { recursive: true });
  const spool = new LogSpool({
    ...{ attemptDirectory: directory, clock, maxBytes: 1_000_000 },
    onLength: (step, length) => lengths.push(`${step}: ${length}`),
    ...options,
  });
  return { spool, lengths, clock, file: (step) => join(directory, 'logs', `${step}.log`) };
}

interface Spool {
  readonly spool: LogSpool;
  readonly lengths: readonly string[];
  readonly clock: FakeClock;
  readonly file: (step: number) => string;
}

describe('logs of an attempt', () => {
  it('are the bytes as they came, told as they grow, with the hash of all of them at the end', async () => {
    const { spool, lengths, file } = await spoolIn(await folders.make());
    spool.open(3);
    spool.open(4);
    const bytes = Buffer.from('one\ntwo \xff\0\n', 'latin1');
    spool.append(3, bytes.subarray(0, 4));
    spool.append(4, Buffer.from('other\n'));
    spool.append(3, bytes.subarray(4));
    const sealed = await spool.seal(3);
    expect(sealed).toEqual({ length: 11, hash: createHash('sha256').update(bytes).digest('hex'), cut: null });
    expect(await measureLog(file(3))).toEqual({ length: 11, hash: sealed?.hash });
    expect(await readFile(file(3))).toEqual(bytes);
    expect(lengths).toEqual(['3: 4', '4: 6', '3: 11']);
    spool.append(3, Buffer.from('too late\n'));
    expect((await readFile(file(3))).length).toBe(11);
    await spool.close();
  });

  it('may be none, or empty', async () => {
    const { spool, file } = await spoolIn(await folders.make());
    spool.open(1);
    const empty = { length: 0, hash: createHash('sha256').digest('hex') };
    expect(await spool.seal(1)).toEqual({ ...empty, cut: null });
    expect(await spool.seal(2)).toBeNull();
    expect(await measureLog(file(2))).toEqual(empty);
    expect(await measureLog(file(1), 0)).toEqual(empty);
    await spool.close();
  });

  it('go to the disk every second while something comes, and not otherwise', async () => {
    const { spool, clock } = await spoolIn(await folders.make());
    spool.open(1);
    expect(clock.pendingTimers).toBe(0);
    spool.append(1, Buffer.from('a\n'));
    spool.append(1, Buffer.from('b\n'));
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(LOG_SYNC_MS);
    expect(clock.pendingTimers).toBe(0);
    await spool.close();
  });

  it('stop together at the quota, each with one line; only what was cut says so', async () => {
    const { spool, file } = await spoolIn(await folders.make(), { maxBytes: 10 });
    for (const step of [1, 2, 3]) spool.open(step);
    spool.append(1, Buffer.from('12345678\n'));
    expect((await spool.seal(1))?.cut).toBeNull();
    expect(() => spool.append(2, Buffer.from('ab\n'))).toThrow(LogCutError);
    spool.append(2, Buffer.from('dropped\n'));
    expect(() => spool.append(3, Buffer.from('c'))).toThrow(LogCutError);
    expect(() => spool.open(4)).toThrow(LogCutError);
    for (const step of [2, 3, 4]) {
      const sealed = await spool.seal(step);
      expect(sealed).toEqual({ ...(await measureLog(file(step))), cut: 'limit' });
      expect(await readFile(file(step), 'utf8')).toMatch(/^##\[warning\]log cut: .*agent\.spoolMb\)\n$/);
    }
    await spool.close();
  });

  it('leave nothing beside them', async () => {
    const folder = await folders.make();
    const { spool } = await spoolIn(folder);
    spool.open(1);
    await spool.seal(1);
    await spool.close();
    expect(await readdir(join(folder, 'logs'))).toEqual(['1.log']);
  });
});

(CAN_MOUNT ? describe : describe.skip)('logs on a full disk', () => {
  it('end with whole writes and the line that says so', async () => {
    const disk = smallDisk(512);
    try {
      const { spool, file, lengths } = await spoolIn(join(disk.path, 'attempt'), { maxBytes: Infinity });
      spool.open(1);
      const block = Buffer.from(`${'x'.repeat(9_999)}\n`);
      expect(() => {
        for (;;) spool.append(1, block);
      }).toThrow(LogCutError);
      const sealed = await spool.seal(1);
      expect(sealed?.cut).toBe('disk-full');
      const text = await readFile(file(1), 'utf8');
      expect(text.replaceAll(block.toString(), '')).toBe('##[warning]log cut: the disk of this runner is full\n');
      expect(lengths.at(-1)).toBe(`1: ${text.length}`);
      await spool.close();
    } finally {
      disk.remove();
    }
  });
});

describe('what an attempt left open', () => {
  const step = (number: number, state: StepState): AttemptRecord =>
    ({ kind: 'step', at: '', state, step: { number, id: `s${number}` } }) as AttemptRecord;
  const seal = (number: number): AttemptRecord => ({ kind: 'log-sealed', step: number }) as AttemptRecord;
  const records = [
    ...[step(1, 'running'), step(2, 'pending'), step(3, 'pending'), step(4, 'pending'), step(1, 'completed')],
    ...[seal(1), step(3, 'queued'), step(2, 'running'), step(4, 'running'), step(4, 'completed')],
  ];

  it('are the steps that were told of and did not complete, as they were last', () => {
    expect(openSteps(records).map(({ step: { number }, state }) => `${number} ${state}`)).toEqual([
      '2 running',
      '3 queued',
    ]);
    expect(openSteps([])).toEqual([]);
  });

  it('are the logs of begun steps that have no end', () => {
    expect(unsealedLogs(records)).toEqual([2, 3, 4]);
  });
});
