/** What holds on both databases. */
import { afterEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { FlowState } from '../../../src/flow/flow-state.ts';
import { type OperationContext, Refusal } from '../../../src/server/operation.ts';
import { nextFence } from '../../../src/server/storage/fence.ts';
import { migrate, MIGRATIONS } from '../../../src/server/storage/migrations.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { insertJob } from './rows.ts';

const open: TestStore[] = [];
afterEach(async () => {
  for (const store of open.splice(0).reverse()) await store.close();
});

async function start(options: Parameters<typeof openTestStore>[0]): Promise<TestStore> {
  const store = await openTestStore(options);
  open.push(store);
  return store;
}

const keep = async ({ db }: OperationContext, name: string): Promise<string> => {
  await db.insertInto('setting').values({ name, value: 'kept' }).execute();
  return name;
};
const namesOf = async (store: TestStore): Promise<readonly string[]> =>
  (await store.db.selectFrom('setting').select('name').where('value', '=', 'kept').orderBy('name').execute()).map(
    ({ name }) => name,
  );

describeDatabases('the schema', (database) => {
  it('is made once, and left as it is by every later start', async () => {
    const store = await start({ database });
    expect(await migrate(store.db, database, 1)).toBe(MIGRATIONS.length);
    expect(await migrate(store.db, database, 2)).toBe(MIGRATIONS.length);
    const { rows } = await sql<{ version: number }>`select version from schema_version`.execute(store.db);
    expect(rows).toHaveLength(MIGRATIONS.length);
  });

  it('takes what is new, and nothing of it when a part fails', async () => {
    const store = await start({ database });
    const add = {
      name: 'add a table',
      up: ({ schema }: typeof store.db) => schema.createTable('added').addColumn('id', 'integer').execute(),
    };
    const fail = { name: 'fail', up: () => Promise.reject(new Error('a migration that fails')) };
    await expect(migrate(store.db, database, 1, [...MIGRATIONS, add, fail])).rejects.toThrow('a migration that fails');
    await expect(sql`select * from added`.execute(store.db)).rejects.toThrow('added');
    expect(await migrate(store.db, database, 1, [...MIGRATIONS, add])).toBe(MIGRATIONS.length);
    expect((await sql`select * from added`.execute(store.db)).rows).toEqual([]);
  });

  it('of a newer Paceline is refused with a sentence', async () => {
    const store = await start({ database });
    const newer = { name: 'from the future', up: () => Promise.resolve() };
    await migrate(store.db, database, 1, [...MIGRATIONS, newer]);
    await expect(migrate(store.db, database, 1)).rejects.toThrow(
      `The database has schema version ${MIGRATIONS.length + 1}, and this Paceline knows versions up to ` +
        `${MIGRATIONS.length}. Start a newer Paceline, or restore a backup from before the upgrade.`,
    );
  });

  it('keeps numbers as numbers', async () => {
    const store = await start({ database });
    const at = Date.parse('2100-01-01');
    await store.db.insertInto('nonce').values({ value: 'a', expires_at: at }).execute();
    expect(await store.db.selectFrom('nonce').selectAll().executeTakeFirst()).toEqual({ value: 'a', expires_at: at });
    const { rows } = await sql<{ n: number }>`select count(*) as n from nonce`.execute(store.db);
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('answers a question with a semicolon in a text, in a name and at its end, and takes several commands', async () => {
    const store = await start({ database });
    const { rows } = await sql.raw(`select 'it''s; so' as "a;b";`).execute(store.db);
    expect(rows).toEqual([{ 'a;b': "it's; so" }]);
    const insert = (name: string): string => `insert into setting (name, value) values ('${name}', ';')`;
    await sql.raw(`${insert('a')}; ${insert('b')};`).execute(store.db);
    const kept = await store.db.selectFrom('setting').select('name').where('value', '=', ';').execute();
    expect(kept).toHaveLength(2);
  });

  it('has at most one holder of a concurrency group', async () => {
    const store = await start({ database });
    const join = (state: 'holds' | 'waits', key: string): ReturnType<typeof store.perform> =>
      store.perform(async (context) => {
        const { runId } = await insertJob(context, key);
        const row = { scope: 'o/r', name: 'deploy', run_id: runId, key: '', state, position: 1 };
        await context.db.insertInto('group_member').values(row).execute();
      }, null);
    expect(await join('holds', 'a')).toMatchObject({ ok: true });
    expect(await join('waits', 'b')).toMatchObject({ ok: true });
    expect(await join('holds', 'c')).toMatchObject({ ok: false, error: { code: 'internal' } });
  });

  it('removes with a run all that belongs to it', async () => {
    const store = await start({ database });
    await store.perform(async (context) => {
      const { runId } = await insertJob(context, 'a');
      await context.db.insertInto('run_event').values({ run_id: runId, seq: 1, at: 1, body: '{}' }).execute();
      await context.db.insertInto('event').values({ run_id: runId, at: 1, body: '{}' }).execute();
    }, null);
    await store.db.deleteFrom('run').execute();
    for (const table of ['job', 'run_event', 'event'] as const)
      expect(await store.db.selectFrom(table).selectAll().execute()).toEqual([]);
  });
});

describeDatabases('operations', (database) => {
  it('asked for together share a commit, and the one that refuses is undone alone', async () => {
    const store = await start({ database });
    const refuse = async (context: OperationContext, name: string): Promise<string> => {
      await keep(context, name);
      context.wake('queue:1');
      context.count('refused_total');
      throw new Refusal('conflict', 'fenced', 'Not yours.', { fence: 7 });
    };
    const answers = await Promise.all([
      store.perform(keep, 'a'),
      store.perform(refuse, 'b'),
      store.perform(keep, 'c'),
      store.perform(() => Promise.reject(new TypeError('a bug')), 'd'),
      store.perform(keep, 'e'),
    ]);
    expect(answers).toEqual([
      { ok: true, value: 'a' },
      { ok: false, error: { code: 'conflict', reason: 'fenced', message: 'Not yours.', detail: { fence: 7 } } },
      { ok: true, value: 'c' },
      { ok: false, error: expect.objectContaining({ code: 'internal' }) },
      { ok: true, value: 'e' },
    ]);
    expect(await namesOf(store)).toEqual(['a', 'c', 'e']);
    expect(store.metrics.filter(({ name }) => name === 'ops_per_commit').map(({ value }) => value)).toEqual([5]);
    expect(store.topics).toEqual([]);
    expect(store.counted('refused_total')).toBe(1);
    expect(store.troubles.join()).toContain('a bug');
  });

  it('that break a rule of the schema are undone alone', async () => {
    const store = await start({ database });
    const answers = await Promise.all(['a', 'b', 'a', 'c'].map((name) => store.perform(keep, name)));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, false, true]);
    expect(await namesOf(store)).toEqual(['a', 'b', 'c']);
  });

  it('see what the ones before them in the same commit did', async () => {
    const store = await start({ database });
    const count = async ({ db }: OperationContext): Promise<number> =>
      (await db.selectFrom('setting').select('name').where('value', '=', 'kept').execute()).length;
    const answers = await Promise.all([store.perform(keep, 'a'), store.perform(count, null), store.perform(keep, 'b')]);
    expect(answers[1]).toEqual({ ok: true, value: 1 });
  });

  it('tell equal topics once, after the commit', async () => {
    const store = await start({ database });
    const wake = (context: OperationContext): Promise<void> => {
      context.wake('queue:7');
      return Promise.resolve();
    };
    const seen: (readonly string[])[] = [];
    const end = store.subscribe((topics) => seen.push(topics));
    await Promise.all([store.perform(wake, 1), store.perform(wake, 2)]);
    expect(seen).toEqual([['queue:7']]);
    end();
    await store.perform(wake, 3);
    expect(seen).toHaveLength(1);
  });

  it('leave a run state in memory only when they are committed', async () => {
    const store = await start({ database });
    const state = { conclusion: null } as FlowState;
    const get = ({ runs }: OperationContext, version: number): Promise<boolean> =>
      Promise.resolve(runs.get(1, version) !== null);
    const put = async ({ runs }: OperationContext, version: number): Promise<void> => {
      runs.put(1, version, state);
      if (version === 2) await Promise.reject(new Refusal('conflict', null, 'No.'));
    };
    const answers = await Promise.all([
      store.perform(put, 1),
      store.perform(get, 1),
      store.perform(put, 2),
      store.perform(get, 2),
      store.perform(get, 1),
    ]);
    expect(answers.map((answer) => (answer.ok ? answer.value : answer.error.code))).toEqual([
      undefined,
      true,
      'conflict',
      false,
      true,
    ]);
    expect(await store.perform(get, 1)).toEqual({ ok: true, value: true });
  });

  it('get fences that only go up', async () => {
    const store = await start({ database });
    const fences: number[] = [];
    const take = async (context: OperationContext, refuse: boolean): Promise<void> => {
      fences.push(await nextFence(context));
      if (refuse) throw new Refusal('conflict', null, 'No.');
    };
    for (const refuse of [false, false]) await store.perform(take, refuse);
    await Promise.all([1, 2, 3].map(() => store.perform(take, false)));
    expect(fences).toEqual([...new Set(fences)].sort((one, other) => one - other));
    expect(fences).toHaveLength(5);
  });

  it('asked for before the store closes are committed, later ones are refused', async () => {
    const store = await start({ database });
    const asked = store.perform(keep, 'a');
    const closed = store.close();
    expect(await store.perform(keep, 'b')).toMatchObject({ error: { code: 'unavailable', reason: 'database' } });
    expect(await asked).toEqual({ ok: true, value: 'a' });
    await closed;
    open.splice(0);
  });
});
