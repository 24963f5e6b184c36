import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { Retention, RETENTION_MS } from '../../../src/server/logs/retention.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { append, type LogBench, openBench } from './log-harness.ts';
import { insertAttempt } from './attempt-rows.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

describeDatabases('retention', (database) => {
  let bench: LogBench;
  beforeEach(async () => {
    // The logs have a clock of their own: what they do every few seconds would be done for months.
    bench = await openBench({ database, clock: new FakeClock() });
  });
  afterEach(() => bench.close());

  const retention = (options: { readonly days?: number; readonly logBytes?: number } = {}): Retention =>
    new Retention({
      ...bench,
      logs: bench.logs,
      log: SILENT_LOG,
      days: 90,
      logBytes: 1e9,
      runnerDays: 14,
      ephemeralRunnerDays: 1,
      ...options,
    });

  it('removes runs that ended long ago with their logs, and none that is open', async () => {
    const old = await insertAttempt(bench.store, 'old', 'completed');
    const open = await insertAttempt(bench.store, 'open', 'running');
    for (const attempt of [old, open]) await append(bench.logs, 0, 'hello\n', { attempt });
    await bench.clock.advance(91 * DAY_MS);
    const young = await insertAttempt(bench.store, 'young', 'completed');
    await append(bench.logs, 0, 'hello\n', { attempt: young });
    await retention().run();
    const kept = await bench.store.db.selectFrom('log_extent').select('attempt_id').orderBy('attempt_id').execute();
    expect(kept.map((row) => row.attempt_id)).toEqual(['open', 'young']);
    const runs = await bench.store.db.selectFrom('run').select('name').orderBy('id').execute();
    expect(runs).toEqual([{ name: 'open' }, { name: 'young' }]);
    expect(bench.store.counted('retention_runs_total')).toBe(1);
  });

  it('removes the oldest logs when there are too many, and says so where they are read', async () => {
    for (const name of ['first', 'second', 'third']) {
      const attempt = await insertAttempt(bench.store, name, 'completed');
      await append(bench.logs, 0, '0123456789', { attempt });
      await bench.clock.advance(1_000);
    }
    const open = await insertAttempt(bench.store, 'open', 'running');
    await append(bench.logs, 0, '0123456789', { attempt: open });
    await retention({ logBytes: 25 }).run();
    const reads = await Promise.all(
      ['first', 'second', 'third', 'open'].map((name) => bench.logs.read(name, 1, { byte: 0 }, 100)),
    );
    expect(reads.map(({ ok }) => ok)).toEqual([false, false, true, true]);
    expect(reads[0]).toMatchObject({
      error: { code: 'not_found', reason: 'log-removed', message: 'log removed on 2026-01-01' },
    });
    expect(await append(bench.logs, 10, 'more', { attempt: 'first' })).toMatchObject({ ok: false });
    // Nothing that is open goes, however much it is.
    await retention({ logBytes: 1 }).run();
    expect((await bench.logs.read('open', 1, { byte: 0 }, 100)).ok).toBe(true);
  });

  it('frees segments that no log is in any more', async () => {
    await bench.logs.close();
    await bench.reopen({ segmentSize: { bytes: 1_000, prepared: 0 } });
    for (const name of ['first', 'second']) {
      const attempt = await insertAttempt(bench.store, name, 'completed');
      await append(bench.logs, 0, 'x'.repeat(2_000), { attempt });
      await bench.clock.advance(1_000);
    }
    expect(await bench.disk.list()).toHaveLength(2);
    await retention({ logBytes: 2_000 }).run();
    expect((await bench.disk.list()).map(({ name }) => name)).toEqual(['one.00000002.log']);
    expect((await bench.logs.read('second', 1, { byte: 0 }, 10)).ok).toBe(true);
  });

  it('drops events and journals after a month, and what has expired', async () => {
    const attempt = await insertAttempt(bench.store, 'old', 'completed');
    const { db } = bench.store;
    const { run_id } = await db.selectFrom('attempt').select('run_id').executeTakeFirstOrThrow();
    await db.insertInto('event').values({ run_id, at: 0, body: '{}' }).execute();
    await db.insertInto('journal').values({ attempt_id: attempt, seq: 1, hash: '', at: 0, body: '{}' }).execute();
    await db
      .insertInto('nonce')
      .values({ value: 'n', expires_at: bench.clock.now() + 1 })
      .execute();
    await retention().run();
    expect(await db.selectFrom('event').selectAll().execute()).toHaveLength(1);
    await bench.clock.advance(31 * DAY_MS);
    await retention().run();
    for (const table of ['event', 'journal', 'nonce'] as const)
      expect(await db.selectFrom(table).selectAll().execute()).toEqual([]);
    expect(await db.selectFrom('run').select('name').execute()).toEqual([{ name: 'old' }]);
  });

  it('comes back by itself until it is closed', async () => {
    const loop = retention();
    const timers = bench.clock.pendingTimers;
    loop.start();
    const ran = bench.store.metrics.length;
    await bench.clock.advance(RETENTION_MS);
    await loop.close();
    expect(bench.store.metrics.length).toBeGreaterThan(ran);
    expect(bench.clock.pendingTimers).toBe(timers);
  });
});
