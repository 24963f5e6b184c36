import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetTimer } from '../../../src/flow/flow-event.ts';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { Sweeper } from '../../../src/server/dispatch/sweeper.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import { clearTimer, setTimer } from '../../../src/server/runs/flow-timers.ts';
import { showPaused } from '../../../src/server/runs/pause-run.ts';
import { lockRun } from '../../../src/server/runs/run-row.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { describeDatabases, describePostgres } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';
import { must, RunHand } from './run-harness.ts';

const TEXT = 'on: push\njobs: { a: { runs-on: linux, steps: [ { run: echo } ] } }';

const set = (id: string, afterMs: number | null, at: number | null = null) => ({ id, afterMs, at });

async function arm(
  context: OperationContext,
  { run, timers }: { run: number; timers: readonly Omit<SetTimer, 'kind'>[] },
): Promise<null> {
  const row = (await lockRun(context, run))!;
  for (const timer of timers) await setTimer(context, row, { kind: 'set-timer', ...timer });
  return null;
}

async function disarm(context: OperationContext, { run, id }: { run: number; id: string }): Promise<null> {
  await clearTimer(context, (await lockRun(context, run))!, { kind: 'clear-timer', id });
  return null;
}

async function pause(context: OperationContext, { run, paused }: { run: number; paused: boolean }): Promise<null> {
  await showPaused(context, run, paused);
  return null;
}

/** Until the sweeper sleeps again: its operations come before the ones that are asked for after them. */
async function idle(store: TestStore, clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await clock.advance(0);
    must(await store.execute('set-schedules', { repository: 'none', schedules: [] }));
  }
}

const left = async (store: TestStore): Promise<string[]> =>
  (await store.db.selectFrom('flow_timer').select('id').orderBy('id').execute()).map(({ id }) => id);

describeDatabases('timers of runs', (database) => {
  const withRun = (body: (store: TestStore, run: RunHand, clock: FakeClock) => Promise<void>) => async () => {
    const clock = new FakeClock();
    const store = await openTestStore({ database, clock });
    try {
      await body(store, await RunHand.submit(store, TEXT), clock);
      expect(store.troubles).toEqual([]);
    } finally {
      await store.close();
    }
  };
  const sweep = async (store: TestStore, rows?: number) =>
    must(await store.execute('sweep', rows === undefined ? {} : { rows }));

  it(
    'fire when they are due and not before, once, the oldest first',
    withRun(async (store, run, clock) => {
      const timers = [set('late', 500), set('soon', 100), set('past', null, 0), set('at', null, clock.now() + 300)];
      must(await store.perform(arm, { run: run.id, timers }));
      expect(await sweep(store)).toMatchObject({ timers: 1, more: false, nextMs: 100 });
      await clock.advance(300);
      expect(await sweep(store, 1)).toMatchObject({ timers: 1, more: true, nextMs: 0 });
      expect(await left(store)).toEqual(['at', 'late']);
      expect(await sweep(store, 1)).toMatchObject({ timers: 1, more: true, nextMs: 200 });
      expect(await sweep(store)).toMatchObject({ timers: 0, more: false, nextMs: 200 });
    }),
  );

  it(
    'have no time that is later than a date can be',
    withRun(async (store, run, clock) => {
      must(await store.perform(arm, { run: run.id, timers: [set('a', 1e300), set('b', null, Infinity), set('c', 5)] }));
      await clock.advance(5);
      expect(await sweep(store)).toMatchObject({ timers: 1 });
      expect(await left(store)).toEqual(['a', 'b']);
    }),
  );

  it(
    'are set anew, and cleared',
    withRun(async (store, run, clock) => {
      must(await store.perform(arm, { run: run.id, timers: [set('a', 100), set('b', 100), set('a', 200)] }));
      must(await store.perform(disarm, { run: run.id, id: 'b' }));
      must(await store.perform(disarm, { run: run.id, id: 'never set' }));
      await clock.advance(150);
      expect(await sweep(store)).toMatchObject({ timers: 0, nextMs: 50 });
    }),
  );

  it(
    'wait while their run is paused, and fire when it is resumed',
    withRun(async (store, run, clock) => {
      must(await store.perform(arm, { run: run.id, timers: [set('a', 100)] }));
      must(await store.perform(pause, { run: run.id, paused: true }));
      must(await store.perform(arm, { run: run.id, timers: [set('b', 100)] }));
      await clock.advance(1_000);
      expect(await sweep(store)).toMatchObject({ timers: 0, nextMs: null });
      must(await store.perform(pause, { run: run.id, paused: false }));
      expect(await sweep(store)).toMatchObject({ timers: 2, nextMs: null });
    }),
  );

  it(
    'go with the end of their run',
    withRun(async (store, run) => {
      must(await store.perform(arm, { run: run.id, timers: [set('a', 100)] }));
      await run.end('a');
      expect(await left(store)).toEqual([]);
    }),
  );

  it('survive the server, and fire on the next one, once', async () => {
    const clock = new FakeClock();
    const directory = await mkdtemp(join(tmpdir(), 'timers-'));
    const url = database === 'sqlite' ? join(directory, 'paceline.db') : await createPostgresDatabase();
    const first = await openTestStore({ database, url, clock });
    const run = await RunHand.submit(first, TEXT);
    must(await first.perform(arm, { run: run.id, timers: [set('a', 100), set('b', 300)] }));
    await first.close();
    await clock.advance(200);
    const second = await openTestStore({ database, url, clock, node: 'second' });
    expect(await sweep(second)).toMatchObject({ timers: 1, nextMs: 100 });
    await second.close();
    const third = await openTestStore({ database, url, clock, node: 'third' });
    expect(await sweep(third)).toMatchObject({ timers: 0, nextMs: 100 });
    await third.close();
    if (database === 'postgres') await dropPostgresDatabase(url);
    await rm(directory, { recursive: true });
  });
});

describe('a sweeper', () => {
  it('looks at a timer when it is set, however long it would sleep', async () => {
    const clock = new FakeClock();
    const store = await openTestStore({ database: 'sqlite', clock });
    const run = await RunHand.submit(store, TEXT);
    const sweeper = new Sweeper({ store, clock, settings: TEST_SETTINGS, log: SILENT_LOG });
    await sweeper.start();
    await idle(store, clock);
    must(await store.perform(arm, { run: run.id, timers: [set('a', 5)] }));
    await idle(store, clock);
    await clock.advance(5);
    await idle(store, clock);
    expect(await left(store)).toEqual([]);
    await sweeper.close();
    await store.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describePostgres('timers with several servers', () => {
  it('fire once each, whoever looks at the same time', async () => {
    const clock = new FakeClock();
    const url = await createPostgresDatabase();
    const servers = await Promise.all(
      ['one', 'two', 'three'].map((node) => openTestStore({ database: 'postgres', url, node, clock })),
    );
    const runs: RunHand[] = [];
    for (let n = 0; n < 5; n++) runs.push(await RunHand.submit(servers[0]!, TEXT));
    const timers = Array.from({ length: 20 }, (_, n) => set(`t${n}`, 10 + n));
    for (const run of runs) must(await servers[0]!.perform(arm, { run: run.id, timers }));
    await clock.advance(100);
    let fired = 0;
    for (let looks = 0; looks < 40 && (await left(servers[0]!)).length > 0; looks++)
      for (const swept of await Promise.all(servers.map((store) => store.execute('sweep', { rows: 7 }))))
        fired += must(swept).timers;
    expect(fired).toBe(100);
    expect(servers.flatMap(({ troubles }) => troubles)).toEqual([]);
    for (const server of servers) await server.close();
    await dropPostgresDatabase(url);
  });
});
