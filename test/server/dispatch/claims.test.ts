/** Who is offered what. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { acceptAttempt } from '../../../src/server/dispatch/accept-attempt.ts';
import { IS_LIVE } from '../../../src/server/dispatch/is-live.ts';
import { offerWork } from '../../../src/server/dispatch/offer-work.ts';
import { describeDatabases, describePostgres } from '../../support/postgres.ts';
import { openTestStore } from '../../support/server-database.ts';
import { QueueWorld } from './queue-world.ts';

describeDatabases('work', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
  });
  afterEach(async () => {
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });

  it('is offered with a lease of its own and a new fence, and has left the queue', async () => {
    const { attempt, fence, session } = await world.offered();
    expect(fence).toBeGreaterThan(0);
    expect(await world.attempt(attempt)).toMatchObject({ state: 'offered', fence, session_id: session });
    expect(await world.store.db.selectFrom('ready').selectAll().execute()).toEqual([]);
    const [lease] = await world.store.db.selectFrom('lease').selectAll().execute();
    expect(lease).toEqual({ attempt_id: attempt, session_id: session, fence, due_at: world.clock.now() + 30_000 });
  });

  it('goes to one of two sessions that ask at the same time (gitlab#578881)', async () => {
    const sessions = [await world.session(), await world.session()];
    const attempt = await world.job();
    const both = await Promise.all(sessions.map((session) => world.offer(session)));
    expect(both.flat().map((offer) => offer.attempt)).toEqual([attempt]);
  });

  it('is not accepted any more by the one whose answer was late, once another has it (gitlab#578881)', async () => {
    const first = await world.offered();
    await world.pass(30_000);
    const other = await world.session();
    const [second] = await world.offer(other);
    expect(second?.attempt).toBe(first.attempt);
    const late = await world.store.perform(acceptAttempt, first);
    expect(late).toMatchObject({ ok: false, error: { code: 'conflict', reason: 'fenced' } });
    expect(await world.attempt(first.attempt)).toMatchObject({ state: 'offered', session_id: other.id });
  });

  it('comes by priority, then by the age of the job', async () => {
    const [low, first, second, high] = [
      await world.job({ priority: -5 }),
      await world.job(),
      await world.job(),
      await world.job({ priority: 7 }),
    ];
    const session = await world.session({ slots: 10 });
    const order: string[] = [];
    for (let count = 0; count < 4; count++) order.push(...(await world.offer(session)).map(({ attempt }) => attempt));
    expect(order).toEqual([high, first, second, low]);
  });

  it('is shared out evenly over sessions with room', async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => world.session({ slots: 4 })));
    for (let count = 0; count < 6; count++) await world.job();
    const offers = await world.offer(...sessions.map((session) => ({ ...session, free: 4 })));
    for (const { id } of sessions) expect(offers.filter(({ session }) => session === id)).toHaveLength(2);
  });

  it('is never more than a session has slots, whatever it says of itself', async () => {
    const session = await world.session({ slots: 2 });
    for (let count = 0; count < 5; count++) await world.job();
    expect(await world.offer({ ...session, free: 9 })).toHaveLength(2);
    expect(await world.offer({ ...session, free: 9 })).toEqual([]);
  });

  it('needs all labels, compared without case; a runner has self-hosted by itself', async () => {
    const attempt = await world.job({ labels: ['self-hosted', 'Linux', 'GPU'] });
    expect(await world.offer(await world.session({ labels: ['linux'] }))).toEqual([]);
    const [offer] = await world.offer(await world.session({ labels: ['gpu', 'LINUX', 'big'] }));
    expect(offer?.attempt).toBe(attempt);
  });

  it('of a group goes to runners of that group', async () => {
    const attempt = await world.job({ labels: ['linux'], group: 'Deploy' });
    expect(await world.offer(await world.session({ labels: ['linux'] }))).toEqual([]);
    const [offer] = await world.offer(await world.session({ labels: ['linux'], runnerGroup: 'deploy' }));
    expect(offer?.attempt).toBe(attempt);
  });

  it('that needs a feature is offered to agents that have it', async () => {
    const attempt = await world.job({ policy: 'exclusive' });
    expect(await world.offer(await world.session({ features: [] }))).toEqual([]);
    const [offer] = await world.offer(await world.session({ features: ['exclusive'] }));
    expect(offer?.attempt).toBe(attempt);
  });

  it('that a session declined is left to others, and to it when it has forgotten', async () => {
    const session = await world.session();
    const attempt = await world.job();
    expect(await world.offer({ ...session, declined: [attempt] })).toEqual([]);
    expect((await world.offer(session)).map((offer) => offer.attempt)).toEqual([attempt]);
  });

  it('that everybody declined does not hide what is behind it', async () => {
    const session = await world.session();
    const declined = [await world.job(), await world.job()];
    const next = await world.job();
    const answer = await world.do('offer-work', await world.classes([{ ...session, declined }]));
    expect(answer.offers.map(({ offer }) => offer.attempt)).toEqual([next]);
    const none = await world.do('offer-work', await world.classes([{ ...(await world.session()), declined }]));
    expect(none).toMatchObject({ offers: [], left: [], declined: [expect.any(Number)] });
  });

  it('that is left for others is said, so that it is asked for again', async () => {
    for (let count = 0; count < 3; count++) await world.job();
    const first = await world.do('offer-work', await world.classes([await world.session()]));
    expect(first.left).toHaveLength(1);
    const rest = await world.do(
      'offer-work',
      await world.classes([{ ...(await world.session({ slots: 5 })), free: 5 }]),
    );
    expect(rest).toMatchObject({ offers: [{}, {}], left: [] });
  });

  it('that is not to begin yet is offered when it may, and the asker told when that is', async () => {
    const session = await world.session();
    await world.job({ notBefore: world.clock.now() + 5_000 });
    const none = await world.do('offer-work', await world.classes([session]));
    expect(none.offers).toEqual([]);
    expect(none.later).toEqual([expect.objectContaining({ ms: 5_000 })]);
    await world.clock.advance(5_000);
    expect(await world.offer(session)).toHaveLength(1);
  });

  it.each(['draining', 'ended', 'paused', 'removed'])('is not offered to a session that is %s', async (what) => {
    const session = await world.session({ name: 'one' });
    await world.job();
    if (what === 'draining') await world.do('drain-session', { session: session.id });
    if (what === 'ended') await world.do('close-session', { session: session.id });
    if (what === 'paused') await world.do('pause-runner', { actor: 'a', runner: 'one', paused: true });
    if (what === 'removed') await world.do('remove-runner', { actor: 'a', runner: session.runner, force: false });
    const { offers, barred } = await world.do('offer-work', await world.classes([session]));
    expect({ offers, barred }).toEqual({ offers: [], barred: [session.id] });
  });

  it('is looked for by the labels in the queue, however many there ever were', async () => {
    for (let run = 0; run < 20; run++) {
      const on = await world.session({ labels: [`run-${run}`] });
      await world.job({ labels: [`run-${run}`] });
      expect(await world.offer(on)).toHaveLength(1);
    }
    await world.job({ labels: ['gpu'] });
    const { labelSets } = await world.do('ready-label-sets', {});
    expect(labelSets.map(({ labels }) => labels)).toEqual([['gpu']]);
  });

  it('of many label sets does not hide behind a long queue of one', async () => {
    for (let count = 0; count < 300; count++) await world.job({ labels: ['common'] });
    const rare = await world.job({ labels: ['rare'] });
    const sessions = [await world.session({ labels: ['common'] }), await world.session({ labels: ['rare'] })];
    const offers = await world.offer(...sessions);
    expect(offers).toHaveLength(2);
    expect(offers.map(({ attempt }) => attempt)).toContain(rare);
  });

  it('that an ephemeral runner was offered and did not accept does not consume it (runner#4617)', async () => {
    const { attempt, on } = await world.offered({}, { ephemeral: true });
    await world.pass(30_000);
    expect(await world.state(attempt)).toBe('queued');
    expect((await world.offer(on)).map((offer) => offer.attempt)).toEqual([attempt]);
  });
});

describePostgres('two servers on one database', () => {
  it('hand nothing out twice', async () => {
    const world = await QueueWorld.open('postgres');
    const other = await openTestStore({
      database: 'postgres',
      url: world.store.url,
      clock: world.clock,
      node: 'other',
    });
    const stores = [world.store, other];
    const sessions = [];
    for (let count = 0; count < 8; count++) sessions.push(await world.session({ slots: 100 }));
    for (let count = 0; count < 120; count++) await world.job();
    const given: string[] = [];
    for (let round = 0; round < 30; round++) {
      const answers = await Promise.all(
        sessions.map(async (session, index) => {
          const input = await world.classes([{ ...session, free: 1 }]);
          return await stores[index % 2]?.perform(offerWork, input);
        }),
      );
      for (const answer of answers)
        if (answer?.ok === true) given.push(...answer.value.offers.map(({ offer }) => offer.attempt));
    }
    expect(given).toHaveLength(120);
    expect(new Set(given).size).toBe(120);
    expect(await world.inconsistencies()).toEqual([]);
    await other.close();
    await world.close();
  });
});

describe('a thousand queued jobs with a hundred label sets', () => {
  it('are found for a runner by an index, one after the other', async () => {
    const world = await QueueWorld.open('sqlite');
    for (let count = 0; count < 1_000; count++) await world.job({ labels: [`set-${count % 100}`] });
    const all = await world.session({ slots: 256, labels: Array.from({ length: 100 }, (_, index) => `set-${index}`) });
    const input = await world.classes([{ ...all, free: 1 }]);
    const ROUNDS = 20;
    for (let round = 0; round < ROUNDS; round++) expect((await world.do('offer-work', input)).offers).toHaveLength(1);
    const plan = await sql`explain query plan
      select attempt_id from ready where label_set_id = 1 and not_before <= 1 order by priority desc, job_id limit 10
    `.execute(world.store.db);
    expect(plan.rows).toEqual([expect.objectContaining({ detail: expect.stringContaining('INDEX ready_order') })]);
    await world.close();
  });

  it('that somebody has are found by an index, however many there were before', async () => {
    const world = await QueueWorld.open('sqlite');
    for (const column of ['session_id', 'runner_id']) {
      const plan = await sql`explain query plan
        select id from attempt where ${sql.ref(column)} = 'one' and ${IS_LIVE} and state in (${'running'})
      `.execute(world.store.db);
      expect(JSON.stringify(plan.rows)).toContain(`INDEX attempt_live_by_${column}`);
    }
    await world.close();
  });
});
