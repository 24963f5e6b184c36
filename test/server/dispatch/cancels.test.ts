/** Cancellation, and what it races with. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeDatabases } from '../../support/postgres.ts';
import { QueueWorld } from './queue-world.ts';

describeDatabases('a cancelled attempt', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
  });
  afterEach(async () => {
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });

  const CANCELLED = { state: 'finished', conclusion: 'cancelled', reason: 'cancelled-by-user', lost: null };

  it('that waits ends at once', async () => {
    const attempt = await world.job();
    await world.cancel(attempt);
    expect(await world.attempt(attempt)).toMatchObject(CANCELLED);
    expect(await world.offer(await world.session())).toEqual([]);
  });

  it('that is offered ends at once, and cannot be accepted any more', async () => {
    const offered = await world.offered();
    await world.cancel(offered.attempt);
    expect(await world.attempt(offered.attempt)).toMatchObject(CANCELLED);
    expect(await world.accept(offered)).toBe(false);
    expect(await world.refusal('accept-attempt', offered)).toMatchObject({ code: 'conflict', reason: 'withdrawn' });
  });

  it('that was accepted or runs is told to its agent, by the poll and by the next report', async () => {
    const running = await world.running();
    await world.cancel(running.attempt, { cause: 'fail-fast' });
    expect(await world.state(running.attempt)).toBe('running');
    expect(world.store.topics).toContain(`session:${running.session}`);
    const { attempt, fence } = running;
    const view = async (cancelling: boolean) => {
      const sessions = [{ session: running.session, holding: [{ attempt, fence, cancelling }] }];
      return (await world.do('poll-state', { sessions })).views[0]?.view?.cancels;
    };
    expect(await view(false)).toEqual([{ attempt, fence, cause: 'fail-fast', force: false }]);
    expect(await view(true)).toEqual([]);
    const reply = await world.sync(running, running.journal);
    expect(reply.cancel).toEqual({ cause: 'fail-fast', force: false });
  });

  it('ends as its agent says, though it was asked to end', async () => {
    const running = await world.running();
    await world.cancel(running.attempt);
    running.journal.finish('success');
    await world.sync(running, running.journal);
    expect(await world.attempt(running.attempt)).toMatchObject({ state: 'finished', conclusion: 'success' });
  });

  it('that has ended stays as it ended', async () => {
    const running = await world.running();
    running.journal.finish('failure');
    await world.sync(running, running.journal);
    await world.cancel(running.attempt);
    expect(await world.attempt(running.attempt)).toMatchObject({ conclusion: 'failure', cancel_cause: null });
  });

  it('keeps its first cause; a forced end comes on top', async () => {
    const running = await world.running();
    await world.cancel(running.attempt, { cause: 'concurrency' });
    await world.cancel(running.attempt, { cause: 'user' });
    expect(await world.attempt(running.attempt)).toMatchObject({ cancel_cause: 'concurrency', cancel_force: 0 });
    await world.cancel(running.attempt, { cause: 'user', force: true });
    const reply = await world.sync(running, running.journal);
    expect(reply.cancel).toEqual({ cause: 'concurrency', force: true });
  });

  it('that was accepted and not begun ends when its agent goes away', async () => {
    const accepted = await world.accepted();
    await world.cancel(accepted.attempt);
    await world.pass(60_000);
    expect(await world.attempt(accepted.attempt)).toMatchObject(CANCELLED);
  });

  it('ends within the grace and a lease, however long its agent renews', async () => {
    const running = await world.running();
    await world.cancel(running.attempt);
    for (let ms = 0; ms < 410_000; ms += 10_000) {
      await world.pass(10_000);
      await world.sync(running, running.journal).catch(() => null);
    }
    expect(await world.state(running.attempt)).toBe('running');
    await world.pass(10_000);
    expect(await world.attempt(running.attempt)).toMatchObject({ ...CANCELLED, lost: 'lease-expired' });
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'fenced' });
  });

  it('whose agent is not heard of ends within the same time', async () => {
    const running = await world.running();
    await world.pass(60_000);
    await world.cancel(running.attempt);
    await world.pass(419_000);
    expect(await world.state(running.attempt)).toBe('disconnected');
    await world.pass(1_000);
    expect(await world.attempt(running.attempt)).toMatchObject({ ...CANCELLED, lost: 'lease-expired' });
  });

  it('whose agent is not heard of ends at once when it is forced', async () => {
    const running = await world.running();
    await world.pass(60_000);
    await world.cancel(running.attempt, { force: true });
    expect(await world.attempt(running.attempt)).toMatchObject(CANCELLED);
  });

  it('of an exclusive job is not tried again', async () => {
    const running = await world.running({ policy: 'exclusive' });
    await world.cancel(running.attempt);
    await world.pass(60_000);
    await world.pass(5_000);
    expect(await world.attempt(running.attempt)).toMatchObject({ state: 'finished', conclusion: 'cancelled' });
    expect(await world.offer(await world.session())).toEqual([]);
  });

  it('has one conclusion when cancel and end come at the same time', async () => {
    for (let round = 0; round < 10; round++) {
      const running = await world.running();
      running.journal.finish('success');
      const cancel = world.cancel(running.attempt, { force: round % 2 === 0 });
      const end = world.sync(running, running.journal);
      await Promise.all(round % 3 === 0 ? [cancel, end] : [end, cancel]);
      expect(await world.attempt(running.attempt)).toMatchObject({ state: 'finished', conclusion: 'success' });
    }
  });
});

describeDatabases('a declined offer', (database) => {
  it('goes back to the queue for others, after a moment', async () => {
    const world = await QueueWorld.open(database);
    const offered = await world.offered();
    await world.do('decline-attempt', { ...offered, reason: 'no disk', final: false });
    expect(await world.attempt(offered.attempt)).toMatchObject({ state: 'queued', returns: 0 });
    expect(await world.offer(await world.session())).toEqual([]);
    await world.clock.advance(1_000);
    expect(await world.offer(await world.session())).toHaveLength(1);
    await world.close();
  });

  it('that nobody would take fails the job, with the reason', async () => {
    const world = await QueueWorld.open(database);
    const offered = await world.offered();
    await world.do('decline-attempt', { ...offered, reason: 'repository not allowed', final: true });
    expect(await world.attempt(offered.attempt)).toMatchObject({ conclusion: 'failure', lost: 'agent-refused' });
    await world.close();
  });

  it('that was accepted gives an ephemeral runner its one job back', async () => {
    const world = await QueueWorld.open(database);
    const accepted = await world.accepted({}, { ephemeral: true });
    await world.store.db.updateTable('runner').set({ consumed: 1 }).execute();
    await world.do('decline-attempt', { ...accepted, reason: 'no disk', final: false });
    await world.clock.advance(1_000);
    expect(await world.offer(accepted.on)).toHaveLength(1);
    await world.close();
  });

  it('that has begun is no offer any more', async () => {
    const world = await QueueWorld.open(database);
    const running = await world.running();
    expect(await world.refusal('decline-attempt', { ...running, reason: '', final: true })).toMatchObject({
      reason: 'illegal-transition',
    });
    await world.close();
  });
});
