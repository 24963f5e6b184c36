import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { ATTEMPT_TRANSITIONS, type AttemptState } from '../../../src/protocol/attempt-state.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { insertJob } from './rows.ts';

const STATES = Object.keys(ATTEMPT_TRANSITIONS) as AttemptState[];
const PAIRS = STATES.flatMap((from) => STATES.filter((to) => to !== from).map((to) => ({ from, to })));
const LEGAL = PAIRS.filter(({ from, to }) => ATTEMPT_TRANSITIONS[from].includes(to));
const ILLEGAL = PAIRS.filter(({ from, to }) => !ATTEMPT_TRANSITIONS[from].includes(to));

/** How an attempt comes into a state. */
const PATHS: Readonly<Record<AttemptState, readonly AttemptState[]>> = {
  queued: [],
  offered: ['offered'],
  accepted: ['offered', 'accepted'],
  running: ['offered', 'accepted', 'running'],
  disconnected: ['offered', 'accepted', 'running', 'disconnected'],
  finished: ['finished'],
};

describeDatabases('the table of legal transitions', (database) => {
  let store: TestStore;
  beforeEach(async () => {
    store = await openTestStore({ database });
  });
  afterEach(() => store.close());

  const addAttempt = async (id: string): Promise<void> => {
    const added = await store.perform(async (context) => {
      const { jobId, runId } = await insertJob(context, id);
      await context.db
        .insertInto('attempt')
        .values({ ...NEW_ATTEMPT, id, job_id: jobId, run_id: runId })
        .execute();
    }, null);
    expect(added).toMatchObject({ ok: true });
  };
  const move = (id: string, to: AttemptState): ReturnType<typeof store.perform> =>
    store.perform(({ db }: OperationContext) => {
      const ended =
        to === 'finished' ? { conclusion: 'failure', finished_at: 1 } : { conclusion: null, finished_at: null };
      return db
        .updateTable('attempt')
        .set({ state: to, runner_id: 'r', session_id: 's', ...ended })
        .where('id', '=', id)
        .execute();
    }, null);
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await store.db.selectFrom('attempt').select('state').where('id', '=', id).executeTakeFirst())?.state;

  it('is the one that the protocol has', async () => {
    const { rows } = await sql<{ pair: string }>`
      select from_state || ' ' || to_state as pair from legal_transition`.execute(store.db);
    const named = rows.map(({ pair }) => pair);
    expect(named.sort()).toEqual(LEGAL.map(({ from, to }) => `${from} ${to}`).sort());
  });

  it('lets every legal change pass', async () => {
    for (const { from, to } of LEGAL) {
      const id = `${from}-${to}`;
      await addAttempt(id);
      for (const step of [...PATHS[from], to]) expect(await move(id, step)).toMatchObject({ ok: true });
      expect(await stateOf(id)).toBe(to);
    }
  });

  it('refuses every other change, leaves the attempt as it was, and counts it', async () => {
    expect(ILLEGAL).toHaveLength(18);
    for (const { from, to } of ILLEGAL) {
      const id = `${from}-${to}`;
      await addAttempt(id);
      for (const step of PATHS[from]) await move(id, step);
      expect(await move(id, to)).toMatchObject({
        ok: false,
        error: { code: 'conflict', reason: 'illegal-transition', detail: { from, to } },
      });
      expect(await stateOf(id)).toBe(from);
      expect(store.counted('illegal_transition_total', { from, to })).toBe(1);
    }
    expect(store.counted('illegal_transition_total')).toBe(ILLEGAL.length);
  });

  it('refuses an unknown state', async () => {
    await addAttempt('a');
    expect(await move('a', 'asleep' as AttemptState)).toMatchObject({ error: { reason: 'illegal-transition' } });
    expect(await stateOf('a')).toBe('queued');
  });

  it('lets an attempt begin as queued only', async () => {
    const added = await store.perform(async (context) => {
      const { jobId, runId } = await insertJob(context, 'a');
      await context.db
        .insertInto('attempt')
        .values({
          ...NEW_ATTEMPT,
          id: 'a',
          job_id: jobId,
          run_id: runId,
          state: 'running',
          runner_id: 'r',
          session_id: 's',
        })
        .execute();
    }, null);
    expect(added).toMatchObject({ ok: false, error: { reason: 'illegal-transition', detail: { from: 'none' } } });
  });

  it('is no matter of an update that leaves the state', async () => {
    await addAttempt('a');
    await move('a', 'finished');
    const kept = await store.perform(
      ({ db }) =>
        db.updateTable('attempt').set({ state: 'finished', late_report: '{}' }).where('id', '=', 'a').execute(),
      null,
    );
    expect(kept).toMatchObject({ ok: true });
  });
});

const NEW_ATTEMPT = {
  no: 1,
  fence: 1,
  state: 'queued',
  policy: 'at-most-once',
  journal_hash: '',
  quarantined: 0,
  cancel_force: 0,
  returns: 0,
  ack_seq: 0,
  queued_at: 1,
} as const;
