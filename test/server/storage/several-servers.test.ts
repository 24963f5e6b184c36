/** Several servers share a PostgreSQL. */
import { afterEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import { nextFence } from '../../../src/server/storage/fence.ts';
import { MIGRATIONS } from '../../../src/server/storage/migrations.ts';
import { describePostgres } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';
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
describePostgres('two servers on one PostgreSQL', () => {
  const both = async (): Promise<readonly [TestStore, TestStore]> => {
    const one = await start({ database: 'postgres', node: 'one', clock: systemClock });
    const other = await start({ database: 'postgres', node: 'other', clock: systemClock, url: one.url });
    return [one, other];
  };

  it('that start at the same time make the schema once', async () => {
    const url = await createPostgresDatabase();
    await Promise.all(['a', 'b', 'c'].map((node) => start({ database: 'postgres', node, url })));
    const [store] = open;
    const { rows } = await sql`select version from schema_version`.execute(store!.db);
    expect(rows).toHaveLength(MIGRATIONS.length);
    for (const each of open.splice(0)) await each.close();
    await dropPostgresDatabase(url);
  });

  it('never take the same row of the queue', async () => {
    const [one, other] = await both();
    const rows = 120;
    await one.perform(async (context) => {
      for (let index = 0; index < rows; index++) {
        const { jobId, runId } = await insertJob(context, `job${index}`);
        const id = `attempt${index}`;
        await context.db
          .insertInto('attempt')
          .values({
            id,
            job_id: jobId,
            run_id: runId,
            no: 1,
            fence: 0,
            state: 'queued',
            policy: 'at-most-once',
            journal_hash: '',
            quarantined: 0,
            cancel_force: 0,
            returns: 0,
            ack_seq: 0,
            queued_at: 1,
          })
          .execute();
        await context.db
          .insertInto('ready')
          .values({ attempt_id: id, job_id: jobId, label_set_id: 1, priority: 0, queued_at: 1, not_before: 0 })
          .execute();
      }
    }, null);
    const claim = async (context: OperationContext): Promise<readonly string[]> => {
      const picked = context.db
        .selectFrom('ready')
        .select('attempt_id')
        .where('label_set_id', '=', 1)
        .orderBy('priority', 'desc')
        .orderBy('job_id')
        .limit(2)
        .forUpdate()
        .skipLocked();
      const taken = await context.db
        .deleteFrom('ready')
        .where('attempt_id', 'in', picked)
        .returning('attempt_id')
        .execute();
      return taken.map(({ attempt_id }) => attempt_id);
    };
    const claimed: string[] = [];
    const server = async (store: TestStore): Promise<void> => {
      for (;;) {
        const answers = await Promise.all([1, 2, 3, 4, 5].map(() => store.perform(claim, null)));
        const taken = answers.flatMap((answer) => (answer.ok ? answer.value : []));
        claimed.push(...taken);
        if (taken.length === 0) return;
      }
    };
    await Promise.all([server(one), server(other)]);
    expect(claimed).toHaveLength(rows);
    expect(new Set(claimed).size).toBe(rows);
  });

  it('take their fences from one sequence', async () => {
    const stores = await both();
    const fences = await Promise.all(
      Array.from({ length: 40 }, (_, index) => stores[index % 2]!.perform((context) => nextFence(context), null)),
    );
    const taken = fences.map((answer) => (answer.ok ? answer.value : 0));
    expect(new Set(taken).size).toBe(40);
    const last = await Promise.all(stores.map((store) => store.perform((context) => nextFence(context), null)));
    for (const answer of last) expect(answer.ok ? answer.value : 0).toBeGreaterThan(Math.max(...taken));
  });

  it('hear what the other one changed', async () => {
    const [one, other] = await both();
    const heard = new Promise<readonly string[]>((resolve) => other.subscribe(resolve));
    const wake = (context: OperationContext, topic: 'queue:1' | 'queue:2'): Promise<void> => {
      context.wake(topic);
      return Promise.resolve();
    };
    await Promise.all([one.perform(wake, 'queue:1'), one.perform(wake, 'queue:2'), one.perform(wake, 'queue:1')]);
    expect(one.topics).toEqual(['queue:1', 'queue:2']);
    expect(await heard).toEqual(['queue:1', 'queue:2']);
    expect(one.topics).toEqual(['queue:1', 'queue:2']);
  });

  it('do not hold up what shares a commit with an operation that has to wait for the other', async () => {
    const [one, other] = await both();
    await one.perform(keep, 'a');
    const held = gate();
    const free = gate();
    const lock = ({ db }: OperationContext): Promise<unknown> =>
      db.selectFrom('setting').selectAll().where('name', '=', 'a').forUpdate().execute();
    const holding = other.perform(async (context) => {
      await lock(context);
      held.open();
      await free.opened;
    }, null);
    await held.opened;
    const shared = one.perform(keep, 'b');
    const waiting = one.perform(async (context) => {
      await lock(context);
    }, null);
    expect(await shared).toEqual({ ok: true, value: 'b' });
    free.open();
    expect(await Promise.all([holding, waiting])).toEqual([
      { ok: true, value: undefined },
      { ok: true, value: undefined },
    ]);
    expect(one.counted('db_retries_total')).toBeGreaterThan(0);
  });

  it('that lock each other out both come through', async () => {
    const [one, other] = await both();
    await one.perform(keep, 'a');
    await one.perform(keep, 'b');
    const gates = [gate(), gate()] as const;
    const both2 =
      (own: 0 | 1, first: string, second: string) =>
      async (context: OperationContext): Promise<void> => {
        const lock = (name: string): Promise<unknown> =>
          context.db.selectFrom('setting').selectAll().where('name', '=', name).forUpdate().execute();
        await lock(first);
        gates[own].open();
        await gates[own === 0 ? 1 : 0].opened;
        await lock(second);
      };
    const answers = await Promise.all([one.perform(both2(0, 'a', 'b'), null), other.perform(both2(1, 'b', 'a'), null)]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
    expect(one.counted('db_retries_total') + other.counted('db_retries_total')).toBeGreaterThan(0);
  });
});

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
