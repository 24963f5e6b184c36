/** Runners come and go: drained and removed from the server, by themselves, and when nobody has seen them for long. */
import { sign, type KeyObject, generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeDatabases } from '../../support/postgres.ts';
import { QueueWorld } from './queue-world.ts';
import { must, ServiceWorld } from './service-world.ts';

const DAY_MS = 86_400_000;

describeDatabases('a runner', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
  });
  afterEach(() => world.close());

  async function names(): Promise<readonly string[]> {
    return (await world.do('list-runners', {})).runners.map(({ name }) => name);
  }

  async function audited(): Promise<readonly unknown[]> {
    const { entries } = await world.do('list-audit', { cursor: null, limit: 10 });
    return entries.map(({ actor, action, target }) => [actor, action, target]);
  }

  async function leaves(session: string): Promise<boolean | undefined> {
    const { views } = await world.do('poll-state', { sessions: [{ session, holding: [] }] });
    return views[0]?.view?.leave;
  }

  it('that is drained is told to leave until its agent says that it does', async () => {
    const { id } = await world.session({ name: 'one' });
    expect(await leaves(id)).toBe(false);
    await world.do('drain-runner', { actor: 'ada', runner: 'one' });
    expect(await leaves(id)).toBe(true);
    expect(world.store.topics).toContain(`session:${id}`);
    expect((await world.do('list-runners', {})).runners).toMatchObject([{ state: 'draining' }]);
    expect(await audited()).toEqual([['ada', 'runner.drain', 'runner one']]);
    await world.do('drain-session', { session: id });
    expect(await leaves(id)).toBe(false);
  });

  it('that is drained gets back what it was offered and gives it to others', async () => {
    const { attempt } = await world.offered({}, { name: 'one' });
    await world.do('drain-runner', { actor: 'ada', runner: 'one' });
    expect(await world.state(attempt)).toBe('queued');
    expect(await world.inconsistencies()).toEqual([]);
  });

  it('that has not heard of its drain is told in its next session; one that has ended for it works again', async () => {
    const before = await world.session({ name: 'one' });
    await world.do('drain-runner', { actor: 'ada', runner: 'one' });
    const next = await world.session({ runner: before.runner });
    expect(await leaves(next.id)).toBe(true);
    await world.do('drain-session', { session: next.id });
    await world.do('close-session', { session: next.id });
    const last = await world.session({ runner: before.runner });
    expect(await leaves(last.id)).toBe(false);
  });

  it('that is not connected cannot be drained', async () => {
    await world.runner({ name: 'one' });
    expect((await world.refusal('drain-runner', { actor: 'ada', runner: 'one' })).message).toBe(
      'no agent of the runner one is connected; pause or remove the runner',
    );
  });

  it('with a job is removed by force alone', async () => {
    await world.running({}, { name: 'one' });
    const remove = { actor: 'ada', runner: 'one', force: false };
    expect(await world.refusal('remove-runner', remove)).toMatchObject({
      reason: 'busy',
      message: 'the runner one has a job; drain it first, or remove it by force',
    });
    await world.do('remove-runner', { ...remove, force: true });
    expect(await names()).toEqual([]);
  });

  it('that is removed by force loses what it ran at once, but for an exclusive job, which may run there still', async () => {
    const { attempt } = await world.running({}, { name: 'one' });
    await world.do('remove-runner', { actor: 'ada', runner: 'one', force: true });
    expect(await world.attempt(attempt)).toMatchObject({
      ...{ state: 'finished', conclusion: 'failure', reason: 'runner-lost', lost: 'runner-removed' },
    });
    const exclusive = await world.running({ policy: 'exclusive' }, { name: 'two' });
    await world.do('remove-runner', { actor: 'ada', runner: 'two', force: true });
    expect(await world.state(exclusive.attempt)).toBe('running');
    expect(await world.inconsistencies()).toEqual([]);
  });

  it('that drains is not resumed, unless it was paused as well', async () => {
    await world.session({ name: 'one' });
    const pause = (paused: boolean) => ({ actor: 'ada', runner: 'one', paused });
    await world.do('drain-runner', { actor: 'ada', runner: 'one' });
    expect((await world.refusal('pause-runner', pause(false))).message).toBe(
      'the runner one is draining: it takes jobs again when its agent is started again',
    );
    await world.do('pause-runner', pause(true));
    await world.do('pause-runner', pause(false));
  });

  it('that nobody has seen for long is removed, one with a job never, and the audit says so', async () => {
    await world.runner({ name: 'unseen' });
    await world.session({ name: 'seen' });
    await world.running({}, { name: 'busy' });
    await world.clock.advance(14 * DAY_MS);
    await world.session({ name: 'new' });
    const limits = { seenBefore: world.clock.now() - 10 * DAY_MS, ephemeralSeenBefore: null };
    expect(await world.do('remove-stale-runners', limits)).toEqual({ removed: 2, more: false });
    expect(await names()).toEqual(['busy', 'new']);
    expect(await audited()).toEqual(
      expect.arrayContaining([
        ['server', 'runner.remove', 'runner seen'],
        ['server', 'runner.remove', 'runner unseen'],
      ]),
    );
    expect(await world.do('remove-stale-runners', limits)).toEqual({ removed: 0, more: false });
  });

  it('that is ephemeral has a time of its own, and 0 days are for ever', async () => {
    await world.runner({ name: 'ordinary' });
    await world.runner({ name: 'ephemeral', ephemeral: true });
    await world.clock.advance(2 * DAY_MS);
    await world.do('remove-stale-runners', { seenBefore: null, ephemeralSeenBefore: null });
    expect(await names()).toEqual(['ephemeral', 'ordinary']);
    const { length } = await audited();
    await world.do('remove-stale-runners', { seenBefore: null, ephemeralSeenBefore: world.clock.now() - DAY_MS });
    expect(await names()).toEqual(['ordinary']);
    expect(await audited()).toHaveLength(length + 1);
  });

  it('leaves no labels behind that no job asked for', async () => {
    await world.job({ labels: ['kept'] });
    const gone = await world.jobOf(await world.job({ labels: ['once'] }));
    await world.store.db.deleteFrom('job').where('id', '=', gone.id).execute();
    await world.do('remove-stale-runners', { seenBefore: null, ephemeralSeenBefore: null });
    expect(await world.store.db.selectFrom('label_set').select('labels').execute()).toEqual([{ labels: '["kept"]' }]);
  });
});

describe('a runner that removes itself', () => {
  let world: ServiceWorld;
  let key: KeyObject;
  let runner: string;
  beforeEach(async () => {
    world = await ServiceWorld.open();
    ({ runner } = await world.agent());
    const pair = generateKeyPairSync('ed25519');
    key = pair.privateKey;
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    await world.store.db.updateTable('runner').set({ public_key: publicKey }).execute();
  });
  afterEach(() => world.close());

  async function request(prefix: string) {
    const { nonce } = must(await world.service.nonce());
    return { nonce, signature: sign(null, Buffer.from(prefix + nonce), key).toString('base64'), force: false };
  }

  it('signs that, once, and for this alone', async () => {
    expect(await world.service.unregister(runner, await request('paceline-session\n'))).toMatchObject({ ok: false });
    const signed = await request('paceline-unregister\n');
    expect(await world.service.unregister(runner, signed)).toEqual({ ok: true, value: null });
    expect(await world.service.unregister(runner, signed)).toMatchObject({ error: { reason: 'token-unknown' } });
    const { entries } = must(await world.store.execute('list-audit', { cursor: null, limit: 1 }));
    expect(entries[0]).toMatchObject({ actor: expect.stringMatching(/^runner /), action: 'runner.remove' });
  });
});
