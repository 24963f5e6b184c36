import { expect, it } from '@jest/globals';
import { describePostgres } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';
import { openTestStore } from '../../support/server-database.ts';
import { RunHand } from './run-harness.ts';

const job = (more = ''): string => `{ runs-on: linux, steps: [ { run: echo } ]${more === '' ? '' : `, ${more}`} }`;

describePostgres('several servers on one PostgreSQL', () => {
  it('go on with each other’s runs, whoever was told last', async () => {
    const url = await createPostgresDatabase();
    const servers = [
      await openTestStore({ database: 'postgres', url, node: 'one' }),
      await openTestStore({ database: 'postgres', url, node: 'two' }),
    ] as const;
    const text = `on: push\njobs: { a: ${job()}, b: ${job('needs: a')}, c: ${job('needs: b')} }`;
    const here = await RunHand.submit(servers[0], text);
    const there = new RunHand(servers[1], here.id);
    await there.end('a');
    await here.end('b');
    await there.end('c');
    expect([await here.conclusion(), await there.conclusion()]).toEqual(['success', 'success']);
    for (const server of servers) await server.close();
    await dropPostgresDatabase(url);
  });

  it('lose nothing when they are told of the same run at the same time', async () => {
    const url = await createPostgresDatabase();
    const servers = await Promise.all(
      ['one', 'two', 'three'].map((node) => openTestStore({ database: 'postgres', url, node })),
    );
    const n = Array.from({ length: 30 }, (_, index) => index + 1);
    const text = `on: push\njobs: { a: ${job(`strategy: { matrix: { n: [${n.join(', ')}] } }`)}, b: ${job('needs: a')} }`;
    const run = await RunHand.submit(servers[0]!, text);
    await Promise.all(n.map((number) => new RunHand(servers[number % 3]!, run.id).end(`a.${number}`)));
    expect(await run.queue()).toEqual(['b']);
    const { events } = await seen(run);
    expect(events).toBe(n.length);
    await new RunHand(servers[2]!, run.id).end('b');
    expect(await run.conclusion()).toBe('success');
    expect(servers.flatMap(({ troubles }) => troubles)).toEqual([]);
    for (const server of servers) await server.close();
    await dropPostgresDatabase(url);
  });
});

/** What viewers are told has no holes: whoever saw an id saw all before it. */
async function seen(run: RunHand): Promise<{ readonly events: number }> {
  const events = await run.events();
  return { events: events.filter((event) => event.type === 'job-completed').length };
}
