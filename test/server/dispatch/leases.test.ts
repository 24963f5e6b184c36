/** What becomes of attempts whose agents are not heard of. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { describeDatabases } from '../../support/postgres.ts';
import { QueueWorld } from './queue-world.ts';

describeDatabases('a lease', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
  });
  afterEach(async () => {
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });

  it('of an offer ends after the offer time: back to the queue, with a new fence', async () => {
    const { attempt, fence } = await world.offered();
    await world.pass(29_999);
    expect(await world.state(attempt)).toBe('offered');
    await world.pass(1);
    const row = await world.attempt(attempt);
    expect(row).toMatchObject({ state: 'queued', session_id: null, returns: 0 });
    expect(row.fence).toBeGreaterThan(fence);
  });

  it('of what was accepted and did not begin: back to the queue, as nothing has run', async () => {
    const { attempt, fence } = await world.accepted();
    await world.pass(60_000);
    const row = await world.attempt(attempt);
    expect(row).toMatchObject({ state: 'queued', returns: 1 });
    expect(row.fence).toBeGreaterThan(fence);
  });

  it('of what was accepted as often as the server allows ends with its loss', async () => {
    const { attempt } = await world.accepted();
    for (let returns = 1; returns < 3; returns++) {
      await world.pass(60_000);
      expect(await world.state(attempt)).toBe('queued');
      await world.clock.advance(10_000);
      const [offer] = await world.offer(await world.session());
      if (offer) await world.accept(offer);
    }
    await world.pass(60_000);
    expect(await world.attempt(attempt)).toMatchObject({
      state: 'finished',
      conclusion: 'failure',
      reason: 'runner-lost',
      lost: 'lease-expired',
    });
  });

  it('of what runs: disconnected, and running again with the next word of its agent', async () => {
    const { attempt, journal, ...offer } = await world.running();
    await world.pass(60_000);
    expect(await world.state(attempt)).toBe('disconnected');
    expect(await world.sync({ attempt, ...offer }, journal)).toMatchObject({ result: 'ok', ack: 1 });
    expect(await world.attempt(attempt)).toMatchObject({ state: 'running', fence: offer.fence, disconnected_at: null });
  });

  it('ends for good when the patience is over, with one conclusion', async () => {
    const { attempt, fence } = await world.running();
    await world.pass(599_999);
    expect(await world.state(attempt)).toBe('disconnected');
    await world.pass(1);
    const row = await world.attempt(attempt);
    expect(row).toMatchObject({ state: 'finished', reason: 'runner-lost', lost: 'lease-expired' });
    expect(row.fence).toBeGreaterThan(fence);
    expect(await world.store.db.selectFrom('attempt').selectAll().execute()).toHaveLength(1);
  });

  it('holds when one renewal after another fails for less than its time (runner#4635)', async () => {
    const running = await world.running();
    for (let renewals = 0; renewals < 5; renewals++) {
      await world.pass(59_000);
      expect(await world.state(running.attempt)).toBe('running');
      expect(await world.sync(running, running.journal)).toMatchObject({ result: 'ok' });
    }
  });

  it('is renewed by reports while no poll comes (hatchet#4784)', async () => {
    const running = await world.running();
    for (let minutes = 0; minutes < 30; minutes++) {
      running.journal.step(minutes + 1, 'running');
      await world.sync(running, running.journal);
      await world.pass(50_000);
    }
    expect(await world.attempt(running.attempt)).toMatchObject({ state: 'running', fence: running.fence });
  });

  it('stays as it is where a report would move it by less than a tenth, but not that of a job that may not run twice', async () => {
    const dueAt = async ({ attempt }: { readonly attempt: string }): Promise<number | undefined> => {
      const lease = world.store.db.selectFrom('lease').select('due_at').where('attempt_id', '=', attempt);
      return (await lease.executeTakeFirst())?.due_at;
    };
    const lease = async (running: Awaited<ReturnType<QueueWorld['running']>>): Promise<number> => {
      await world.sync(running, running.journal);
      return ((await dueAt(running)) ?? 0) - world.clock.now();
    };
    const once = await world.running();
    const exclusive = await world.running({ policy: 'exclusive' });
    await world.pass(5_999);
    expect([await lease(once), await lease(exclusive)]).toEqual([54_001, 60_000]);
    await world.pass(1);
    expect([await lease(once), await lease(exclusive)]).toEqual([60_000, 60_000]);
  });

  it('that ran out does not give its attempt to another while the first agent is alive (woodpecker#7063)', async () => {
    const running = await world.running();
    await world.pass(300_000);
    expect(await world.offer(await world.session())).toEqual([]);
    running.journal.step(1, 'running').step(1, 'completed').finish();
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'ok', ack: 4 });
    expect(await world.attempt(running.attempt)).toMatchObject({
      state: 'finished',
      conclusion: 'success',
      lost: null,
    });
  });

  it('of a job that may not run twice ends a margin after the lease, and the next attempt may start', async () => {
    const first = await world.running({ policy: 'exclusive' });
    await world.pass(60_000);
    expect(await world.state(first.attempt)).toBe('disconnected');
    await world.pass(4_999);
    expect(await world.offer(await world.session())).toEqual([]);
    await world.pass(1);
    expect(await world.state(first.attempt)).toBe('finished');
    const [second] = await world.offer(await world.session());
    expect(second?.attempt).not.toBe(first.attempt);
    expect(await world.jobOf(first.attempt)).toMatchObject({ attempt_id: second?.attempt, attempt_no: 2 });
  });

  it('of a job that may not run twice is tried again as often as the server allows', async () => {
    let { attempt } = await world.running({ policy: 'exclusive' });
    for (let no = 2; no <= 3; no++) {
      await world.pass(60_000);
      await world.pass(5_000);
      const [offer] = await world.offer(await world.session());
      if (!offer) throw new Error(`no attempt ${no}`);
      attempt = offer.attempt;
      await world.accept(offer);
      await world.perform(async ({ db }) => {
        await db.updateTable('attempt').set({ state: 'running' }).where('id', '=', attempt).execute();
      });
    }
    await world.pass(60_000);
    await world.pass(5_000);
    expect(await world.attempt(attempt)).toMatchObject({ no: 3, state: 'finished', lost: 'lease-expired' });
    expect(await world.offer(await world.session())).toEqual([]);
  });

  it('has its full time after a start of the server', async () => {
    const { attempt } = await world.running();
    await world.clock.advance(3_600_000);
    await world.do('extend-leases', {});
    await world.pass(59_999);
    expect(await world.state(attempt)).toBe('running');
    await world.pass(1);
    expect(await world.state(attempt)).toBe('disconnected');
  });

  it('is swept in bounded batches, each telling whether there are more (gitlab#291010)', async () => {
    const session = await world.session({ slots: 25 });
    for (let count = 0; count < 25; count++) await world.job();
    expect(await world.offer({ ...session, free: 25 })).toHaveLength(25);
    await world.clock.advance(30_000);
    const sweeps = [];
    do sweeps.push(await world.do('sweep', { rows: 10 }));
    while (sweeps.at(-1)?.more === true);
    expect(sweeps.map(({ leases, more }) => [leases, more])).toEqual([
      [10, true],
      [10, true],
      [5, false],
    ]);
    expect(sweeps.at(-1)?.nextMs).toBeNull();
  });

  it('is found by an index when it is due (gitlab#291010)', async () => {
    const explain = database === 'sqlite' ? 'explain query plan' : 'set enable_seqscan = off; explain';
    const statement = 'select attempt_id from lease where due_at <= 1 order by due_at limit 10';
    const { rows } =
      database === 'sqlite'
        ? await sql.raw(`${explain} ${statement}`).execute(world.store.db)
        : await world.store.db.transaction().execute(async (db) => {
            await sql.raw('set local enable_seqscan = off').execute(db);
            return await sql.raw(`explain ${statement}`).execute(db);
          });
    expect(JSON.stringify(rows)).toContain('lease_due');
  });

  it('says when the next one is due', async () => {
    await world.offered();
    expect(await world.do('sweep', {})).toEqual({ leases: 0, timers: 0, more: false, nextMs: 30_000 });
  });
});
