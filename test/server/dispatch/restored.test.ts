/** What a database that was restored from a backup makes of attempts that ran in the life it has forgotten. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { nextFence } from '../../../src/server/storage/fence.ts';
import { FORMER_FENCE_SETTING, HELD_SETTING, RESTORED } from '../../../src/server/storage/former-life.ts';
import { SESSION_OF_ANOTHER_LIFE } from '../../../src/server/storage/incarnation.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { QueueWorld, TestJournal } from './queue-world.ts';

const LEASE_MS = 60_000;

describeDatabases('after a restore', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database, { leaseMs: LEASE_MS });
  });
  afterEach(async () => {
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });

  /** What `restore` does to a database, with a fence that the lost life had given; then a server starts on it. */
  const restoreAndStart = async (): Promise<number> => {
    const lost = await world.perform((context) => nextFence(context));
    const former = await world.perform((context) => nextFence(context));
    const { db } = world.store;
    const settings = [
      { name: FORMER_FENCE_SETTING, value: String(former) },
      { name: HELD_SETTING, value: RESTORED },
    ];
    await db.insertInto('setting').values(settings).execute();
    await db.updateTable('session').set({ state: 'ended', machine_id: SESSION_OF_ANOTHER_LIFE }).execute();
    await world.do('extend-leases', {});
    return lost;
  };
  const held = (attempt: string, fence: number, journal: TestJournal) => ({
    attempt,
    fence,
    lastSeq: journal.texts.length,
    lastHash: journal.hashes.at(-1) ?? '',
    finished: false,
  });
  const open = async (runner: string, attempts: ReturnType<typeof held>[]) =>
    await world.do('open-session', await world.openRequest(runner, { attempts }));

  it('what was queued is offered to nobody for the time of a lease', async () => {
    const attempt = await world.job();
    await restoreAndStart();
    const session = await world.session();
    expect(await world.offer(session)).toEqual([]);
    await world.pass(LEASE_MS - 1);
    expect(await world.offer(session)).toEqual([]);
    await world.pass(1);
    expect(await world.offer(session)).toMatchObject([{ attempt }]);
  });

  it('a second server does not begin the time anew', async () => {
    await world.job();
    await restoreAndStart();
    await world.pass(LEASE_MS);
    await world.do('extend-leases', {});
    expect(await world.offer(await world.session())).toHaveLength(1);
  });

  it('what was queued and has run meanwhile is of the agent that ran it, and runs no second time', async () => {
    const runner = await world.runner();
    const attempt = await world.job();
    const fence = await restoreAndStart();
    const journal = new TestJournal().start();
    const { session, attempts } = await open(runner, [held(attempt, fence, journal)]);
    expect(attempts).toMatchObject([{ attempt, verdict: 'continue', ack: 0 }]);
    expect(await world.sync({ session, attempt, fence }, journal)).toMatchObject({ result: 'ok', ack: 1 });
    expect(await world.state(attempt)).toBe('running');
    await world.pass(LEASE_MS - 1);
    expect(await world.offer(await world.session())).toEqual([]);
  });

  it('what was offered to one runner and run by another is of the one that ran it', async () => {
    const other = await world.runner();
    const { attempt, on } = await world.offered();
    const fence = await restoreAndStart();
    // The runner of the offer comes first, as often as it likes.
    await open(on.runner, []);
    await open(on.runner, []);
    const { attempts } = await open(other, [held(attempt, fence, new TestJournal().start())]);
    expect(attempts).toMatchObject([{ verdict: 'continue' }]);
    expect(await world.attempt(attempt)).toMatchObject({ state: 'accepted', fence, runner_id: other });
  });

  it('what was offered when the backup was made, and accepted then, goes on', async () => {
    const { attempt, fence, on } = await world.offered();
    await restoreAndStart();
    const { attempts } = await open(on.runner, [held(attempt, fence, new TestJournal().start())]);
    expect(attempts).toMatchObject([{ verdict: 'continue' }]);
    expect(await world.state(attempt)).toBe('accepted');
  });

  it('an ephemeral runner that ran what was queued gets nothing more', async () => {
    const runner = await world.runner({ ephemeral: true });
    const attempt = await world.job();
    const fence = await restoreAndStart();
    const request = { ephemeral: true, attempts: [held(attempt, fence, new TestJournal().start())] };
    await world.do('open-session', await world.openRequest(runner, request));
    const { consumed } = await world.store.db.selectFrom('runner').select('consumed').executeTakeFirstOrThrow();
    expect(consumed).toBe(1);
  });

  it('an agent that comes when it was offered to another one is fenced off', async () => {
    const late = await world.runner();
    const attempt = await world.job();
    const fence = await restoreAndStart();
    await world.pass(LEASE_MS);
    const [offer] = await world.offer(await world.session());
    const { attempts } = await open(late, [held(attempt, fence, new TestJournal().start())]);
    expect(attempts).toMatchObject([{ verdict: 'fenced' }]);
    expect(await world.attempt(attempt)).toMatchObject({ state: 'offered', fence: offer?.fence });
  });

  it('a fence that no life has given is none', async () => {
    const runner = await world.runner();
    const attempt = await world.job();
    const fence = await restoreAndStart();
    const { attempts } = await open(runner, [held(attempt, fence + 1_000, new TestJournal())]);
    expect(attempts).toMatchObject([{ verdict: 'fenced' }]);
  });
});

describeDatabases('a database that was never restored', (database) => {
  it('lets nobody take what was not offered', async () => {
    const world = await QueueWorld.open(database);
    const attempt = await world.job();
    const request = { attempts: [{ attempt, fence: 7, lastSeq: 0, lastHash: '', finished: false }] };
    const opened = await world.do('open-session', await world.openRequest(await world.runner(), request));
    expect(opened.attempts).toMatchObject([{ verdict: 'fenced' }]);
    expect(await world.state(attempt)).toBe('queued');
    await world.close();
  });
});
