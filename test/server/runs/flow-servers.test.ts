/** Runs with flow on servers that come and go, and on several at a time. */
import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../support/fake-clock.ts';
import { describeDatabases, describePostgres } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { must, newRun, RunHand, submission } from './run-harness.ts';

const job = (more = ''): string => `{ runs-on: linux, steps: [ { run: echo } ]${more === '' ? '' : `, ${more}`} }`;

describeDatabases('after a restart', (database) => {
  it('every open run goes on, however many there are', async () => {
    const clock = new FakeClock();
    const directory = await mkdtemp(join(tmpdir(), 'recovery-'));
    const url = database === 'sqlite' ? join(directory, 'paceline.db') : await createPostgresDatabase();
    const first = await openTestStore({ database, url, clock });
    const text = `on: push\njobs: { a: ${job('wait-for: { signal: go, timeout-minutes: 1 }')} }`;
    const run = await newRun({ text });
    for (let n = 0; n < 13; n++)
      must(await first.execute('submit-run', submission(Array.from({ length: 10 }, () => run))));
    await first.close();
    await clock.advance(60_000);
    const second = await openTestStore({ database, url, clock, node: 'second' });
    let fired = 0;
    for (let more = true; more;) {
      const swept = must(await second.execute('sweep', { rows: 50 }));
      fired += swept.timers;
      more = swept.more;
    }
    expect(fired).toBe(130);
    const open = await second.db.selectFrom('run').select('id').where('state', '!=', 'completed').execute();
    expect(open).toEqual([]);
    expect(second.troubles).toEqual([]);
    await second.close();
    if (database === 'postgres') await dropPostgresDatabase(url);
    await rm(directory, { recursive: true });
  });
});

describePostgres('several servers that share a run', () => {
  const withServers = async (body: (servers: readonly TestStore[], clock: FakeClock) => Promise<void>) => {
    const clock = new FakeClock();
    const url = await createPostgresDatabase();
    const servers = await Promise.all(
      ['one', 'two', 'three'].map((node) => openTestStore({ database: 'postgres', url, node, clock })),
    );
    try {
      await body(servers, clock);
      expect(servers.flatMap(({ troubles }) => troubles)).toEqual([]);
    } finally {
      for (const server of servers) await server.close();
      await dropPostgresDatabase(url);
    }
  };

  it('give each signal to one job, and none is lost', () =>
    withServers(async (servers) => {
      const jobs = Array.from({ length: 12 }, (_, n) => `  w${n}: ${job('wait-for: { signal: go }')}\n`).join('');
      const run = await RunHand.submit(servers[0]!, `on: push\njobs:\n${jobs}`);
      const asked = Array.from({ length: 9 }, (_, n) => new RunHand(servers[n % 3]!, run.id).signal('go'));
      expect(await Promise.all(asked)).toEqual(Array.from({ length: 9 }, () => null));
      expect(await run.queue()).toHaveLength(9);
      // The same request on every server is one.
      const signal = { kind: 'signal', name: 'go', job: null, data: null, persistent: true } as const;
      await Promise.all(servers.map((store) => new RunHand(store, run.id).ask(signal, { requestId: 'same' })));
      expect(await run.queue()).toHaveLength(10);
    }));

  it('let one of two jobs win a race, whoever ends what came before it', () =>
    withServers(async (servers) => {
      const text = `on: push
jobs:
  a: ${job()}
  b: ${job()}
  fast: ${job('needs: a, race: r')}
  slow: ${job('needs: b, race: r')}
`;
      for (let round = 0; round < 5; round++) {
        const run = await RunHand.submit(servers[0]!, text);
        await run.start('a');
        await run.start('b');
        await Promise.all([new RunHand(servers[1]!, run.id).end('a'), new RunHand(servers[2]!, run.id).end('b')]);
        const { fast, slow } = await run.jobs();
        expect([fast, slow].sort()).toEqual(['queued', 'withdrawn']);
        await run.play(fast === 'queued' ? 'fast' : 'slow');
        expect(await run.conclusion()).toBe('success');
      }
    }));

  it('let no more runs of a group go on than its limit, whoever starts and ends them', () =>
    withServers(async (servers) => {
      const text = `on: push\nconcurrency: { group: g, limit: 2, keep-waiting: true }\njobs: { a: ${job()} }`;
      const runs = await Promise.all(Array.from({ length: 9 }, (_, n) => RunHand.submit(servers[n % 3]!, text)));
      const going = async (): Promise<RunHand[]> => {
        const queues = await Promise.all(runs.map((run) => run.queue()));
        return runs.filter((_, index) => queues[index]!.length > 0);
      };
      const order: number[] = [];
      for (let now = await going(); now.length > 0; now = await going()) {
        expect(now).toHaveLength(Math.min(2, runs.length - order.length));
        order.push(...now.map(({ id }) => id));
        await Promise.all(now.map(({ id }, index) => new RunHand(servers[index]!, id).play('a')));
      }
      expect(order.sort((one, other) => one - other)).toEqual(
        runs.map(({ id }) => id).sort((one, other) => one - other),
      );
    }));

  it('pause and resume it, and start nothing in between', () =>
    withServers(async (servers) => {
      const run = await RunHand.submit(servers[0]!, `on: push\njobs: { a: ${job()}, b: ${job('needs: a')} }`);
      await run.start('a');
      await new RunHand(servers[1]!, run.id).ask({ kind: 'pause' });
      await new RunHand(servers[2]!, run.id).end('a');
      expect(await run.queue()).toEqual([]);
      await new RunHand(servers[0]!, run.id).ask({ kind: 'resume' });
      expect(await run.queue()).toEqual(['b']);
      await new RunHand(servers[1]!, run.id).play('b');
      expect(await run.conclusion()).toBe('success');
    }));
});

describe('what happens twice', () => {
  it('changes nothing the second time: starts, ends, timers and requests', async () => {
    const clock = new FakeClock();
    const store = await openTestStore({ database: 'sqlite', clock });
    const retry = 'retry: { max-attempts: 2, backoff: { min: 1s, max: 1s, jitter: 0 } }';
    const run = await RunHand.submit(
      store,
      `on: push\njobs: { a: ${job(retry)}, b: ${job('needs: a, wait-for: { signal: go }')} }`,
    );
    const version = async (): Promise<number> =>
      (await store.db.selectFrom('run').select('version').where('id', '=', run.id).executeTakeFirstOrThrow()).version;
    // The harness ends each job twice.
    await run.play('a', 'failure', {}, { goto: null, retry: { afterMs: null, state: {} } });
    expect(await version()).toBe(1);
    await clock.advance(1_000);
    must(await store.execute('sweep', {}));
    must(await store.execute('sweep', {}));
    expect(await version()).toBe(2);
    await run.play('a~r2');
    const signal = { kind: 'signal', name: 'go', job: null, data: null, persistent: true } as const;
    for (let time = 0; time < 2; time++) await run.ask(signal, { requestId: 'one' });
    expect(await version()).toBe(4);
    await run.play('b');
    expect(await run.conclusion()).toBe('success');
    await store.close();
  });
});
