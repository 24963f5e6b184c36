import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rebuildAfterRestore } from '../../../src/server/logs/rebuild-after-restore.ts';
import { rebuildExtents } from '../../../src/server/logs/recover-logs.ts';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { insertAttempt } from './attempt-rows.ts';
import { append, ATTEMPT, durable, type LogBench, openBench, readAll } from './log-harness.ts';

let bench: LogBench;
beforeEach(async () => {
  bench = await openBench();
  await insertAttempt(bench.store, ATTEMPT, 'running');
});
afterEach(() => bench.close());

const segment = (number = 1): string => join(bench.folder, `one.0000000${number}.log`);

/** Forgets what the database knows of the log from an extent on, as if it had not been committed. */
async function forget(from: number): Promise<void> {
  const { db } = bench.store;
  await db.deleteFrom('log_extent').where('offset', '>=', from).execute();
  await db.updateTable('log_stream').set({ length: from, lines: 0, open_line: 0 }).execute();
}

async function damage(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(file, bytes);
}

describe('after the end of the process', () => {
  it('frames that were written and not committed are taken in', async () => {
    await append(bench.logs, 0, 'one\n');
    await append(bench.logs, 4, 'two\nthree');
    await forget(4);
    await bench.store.db.updateTable('log_stream').set({ lines: 1 }).execute();
    await bench.reopen();
    expect(String(await readAll(bench.logs))).toBe('one\ntwo\nthree');
    expect(await bench.logs.read(ATTEMPT, 1, { line: 3 }, 100)).toMatchObject({ value: { offset: 8, lines: 3 } });
    expect(bench.said).toEqual([expect.objectContaining({ message: 'logs that were on disk were taken in' })]);
    expect(await append(bench.logs, 13, '!')).toEqual(durable(14));
  });

  it('a torn end is cut off, and told, and the agent sends it again', async () => {
    await append(bench.logs, 0, 'one\n');
    await append(bench.logs, 4, 'two\n');
    await bench.logs.close();
    await forget(4);
    const { size } = await stat(segment());
    await truncate(segment(), size - 2);
    await bench.reopen();
    expect(bench.said).toEqual([expect.objectContaining({ level: 'error', message: 'a segment of logs is damaged' })]);
    expect((await stat(segment())).size).toBeLessThan(size - 2);
    expect(await append(bench.logs, 8, 'three')).toMatchObject({ error: { detail: { offset: 4 } } });
    await append(bench.logs, 4, 'two\nthree');
    expect(String(await readAll(bench.logs))).toBe('one\ntwo\nthree');
  });

  it('zeros that were prepared are cut off without a word', async () => {
    await append(bench.logs, 0, 'one\n');
    expect((await stat(segment())).size).toBeGreaterThan(1_000_000);
    await bench.reopen();
    expect((await stat(segment())).size).toBeLessThan(1_000);
    expect(bench.said).toEqual([]);
  });

  it('what belongs to no attempt is left alone', async () => {
    await append(bench.logs, 0, 'hello', { attempt: 'nobody' });
    await forget(0);
    await bench.store.db.deleteFrom('log_stream').execute();
    await bench.reopen();
    expect(await bench.store.db.selectFrom('log_extent').selectAll().execute()).toEqual([]);
  });
});

describe('a bit that flipped', () => {
  it('is an error of its part, and the rest can be read', async () => {
    for (const [index, text] of ['one\n', 'two\n', 'three\n'].entries()) await append(bench.logs, index * 4, text);
    await bench.logs.close();
    const bytes = await readFile(segment());
    await damage(segment(), bytes.indexOf('two'));
    await bench.reopen();
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 100)).toMatchObject({
      value: { bytes: Buffer.from('one\n') },
    });
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 4 }, 100)).toMatchObject({
      ok: false,
      error: { code: 'internal', detail: { offset: 4, length: 4 } },
    });
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 8 }, 100)).toMatchObject({
      value: { bytes: Buffer.from('three\n') },
    });
    expect(bench.counted.get('log_damaged_total')).toBe(1);
  });

  it('in a head hides one frame, and no other', async () => {
    await append(bench.logs, 0, 'one\n');
    await append(bench.logs, 0, 'other\n', { step: 2 });
    await append(bench.logs, 0, 'third\n', { step: 3 });
    await bench.logs.close();
    const bytes = await readFile(segment());
    await damage(segment(), bytes.indexOf('PLfr', bytes.indexOf('one')));
    await forget(0);
    expect(await rebuildExtents({ ...bench, log: SILENT_LOG })).toBe(10);
    await bench.reopen();
    expect(String(await readAll(bench.logs, ATTEMPT, 3))).toBe('third\n');
    expect(await bench.logs.read(ATTEMPT, 2, { byte: 0 }, 100)).toMatchObject({ value: { length: 0 } });
  });
});

describe('after a restore', () => {
  it('logs are made whole from the segments of all servers', async () => {
    const other = await bench.open({ node: 'two' });
    let offset = 0;
    for (let count = 0; count < 20; count++) {
      const text = `line ${count}\n`;
      await append(count % 3 === 0 ? other : bench.logs, offset, text);
      offset += text.length;
    }
    const before = await readAll(bench.logs);
    const lines = await bench.logs.read(ATTEMPT, 1, { line: 15 }, 100);
    await forget(0);
    await bench.store.db.updateTable('setting').set({ value: 'restored' }).where('name', '=', 'incarnation').execute();
    expect(await bench.store.execute('find-unused-segments', { segments: ['one.00000001.log'] })).toEqual({
      ok: true,
      value: [],
    });
    await rebuildAfterRestore({ ...bench, log: SILENT_LOG }, new AbortController().signal);
    expect(await bench.store.execute('needs-log-rebuild', {})).toEqual({ ok: true, value: false });
    expect(await rebuildExtents({ ...bench, log: SILENT_LOG })).toBe(0);
    await bench.reopen();
    expect(await readAll(bench.logs)).toEqual(before);
    expect(await bench.logs.read(ATTEMPT, 1, { line: 15 }, 100)).toEqual(lines);
  });

  it('what a step printed is never taken for a frame', async () => {
    await append(bench.logs, 0, 'secret\n', { step: 9 });
    await bench.logs.close();
    const forged = await readFile(segment());
    // A step prints a whole segment, whose salt it cannot know of ours.
    await bench.reopen();
    await append(bench.logs, 0, forged, { step: 2 });
    await bench.logs.close();
    const own = await readFile(segment(2));
    const handle = await open(segment(2), 'r+');
    await handle.write(Buffer.from([0]), 0, 1, own.indexOf('PLfr'));
    await handle.close();
    await bench.store.db.deleteFrom('log_extent').execute();
    await bench.store.db.deleteFrom('log_stream').execute();
    await bench.disk.remove('one.00000001.log');
    expect(await rebuildExtents({ ...bench, log: SILENT_LOG })).toBe(0);
  });
});
