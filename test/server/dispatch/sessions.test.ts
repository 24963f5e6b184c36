/** Runners and their sessions. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RegisterRequest } from '../../../src/protocol/agent-api.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { QueueWorld, TestJournal } from './queue-world.ts';

describe('a registration', () => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open('sqlite');
  });
  afterEach(() => world.close());

  const token = (name: string, uses: number | null, expiresMs: number | null = null) =>
    world.do('create-token', {
      actor: 'somebody',
      kind: 'registration',
      name,
      hash: hashOf(name),
      scopes: [],
      expiresMs,
      uses,
    });
  const request = (name: string, change: Partial<RegisterRequest> = {}): RegisterRequest => ({
    name,
    labels: ['linux'],
    publicKey: world.publicKey,
    sealKey: world.sealKey,
    ephemeral: false,
    replace: false,
    ...change,
  });
  const register = (tokenName: string, asked: RegisterRequest) =>
    world.do('register-runner', { tokenHash: hashOf(tokenName), request: asked });
  const refused = (tokenName: string, asked: RegisterRequest) =>
    world.refusal('register-runner', { tokenHash: hashOf(tokenName), request: asked });

  it('makes a runner known, and is written down', async () => {
    await token('t', null);
    const { runner, name } = await register('t', request('one'));
    expect(name).toBe('one');
    const { runners } = await world.do('list-runners', {});
    expect(runners).toMatchObject([{ id: runner, name: 'one', labels: ['linux'], state: 'offline', slots: 0 }]);
    const { entries } = await world.do('list-audit', { cursor: null, limit: 1 });
    expect(entries).toMatchObject([{ action: 'runner.register', target: 'runner one', actor: 'token t' }]);
  });

  it('sent twice is one, and uses the token once', async () => {
    await token('t', 1);
    const first = await register('t', request('one'));
    expect(await register('t', request('one', { labels: ['linux', 'big'] }))).toEqual(first);
    expect((await world.do('list-runners', {})).runners).toMatchObject([{ labels: ['linux', 'big'] }]);
    expect(await refused('t', request('two', { publicKey: 'other' }))).toMatchObject({ reason: 'token-expired' });
  });

  it('needs a token that is good for it', async () => {
    await token('short', null, 1_000);
    await world.clock.advance(1_000);
    expect(await refused('short', request('one'))).toMatchObject({ code: 'unauthorized', reason: 'token-expired' });
    expect(await refused('never', request('one'))).toMatchObject({ code: 'unauthorized', reason: 'token-unknown' });
    expect((await world.do('list-runners', {})).runners).toEqual([]);
  });

  it('does not change the key that secrets are sealed to, with a token or without', async () => {
    await token('t', null);
    await register('t', request('one'));
    expect(await refused('never', request('one'))).toMatchObject({ reason: 'token-unknown' });
    for (const name of ['never', 't'])
      expect(await refused(name, request('one', { sealKey: 'evil' }))).toMatchObject({ reason: 'name-taken' });
    const row = await world.store.db.selectFrom('runner').select('seal_key').executeTakeFirstOrThrow();
    expect(row.seal_key).toBe(world.sealKey);
  });

  it('under a name that another key has is refused, and does not use the token', async () => {
    await token('t', 2);
    await register('t', request('one'));
    const other = request('one', { publicKey: 'other' });
    expect(await refused('t', other)).toMatchObject({ code: 'conflict', reason: 'name-taken' });
    await register('t', request('two', { publicKey: 'other' }));
  });

  it('replaces a runner only while it has no live session', async () => {
    await token('t', null);
    const { runner } = await register('t', request('one'));
    const session = await world.session({ runner });
    const other = request('one', { publicKey: 'other', replace: true });
    expect(await refused('t', other)).toMatchObject({ reason: 'name-taken' });
    await world.clock.advance(90_000);
    const next = await register('t', other);
    expect(next.runner).not.toBe(runner);
    expect(await world.refusal('find-session', { tokenHash: session.tokenHash })).toMatchObject({
      reason: 'token-unknown',
    });
  });
});

describeDatabases('a session', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
  });
  afterEach(async () => {
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });

  it('needs a nonce, which is good once, and is kept no longer than somebody could come with it', async () => {
    const runner = await world.runner();
    const request = await world.openRequest(runner);
    await world.do('open-session', request);
    expect(await world.refusal('open-session', { ...request, tokenHash: 'x' })).toMatchObject({
      reason: 'token-expired',
    });
    await world.clock.advance(119_999);
    await world.do('delete-expired', { endedBefore: 0 });
    expect(await world.store.db.selectFrom('nonce').selectAll().execute()).toHaveLength(1);
    await world.clock.advance(1);
    await world.do('open-session', await world.openRequest(runner));
    // Deleted by retention alone: sessions that begin together do not wait for each other.
    expect(await world.store.db.selectFrom('nonce').selectAll().execute()).toHaveLength(2);
    await world.do('delete-expired', { endedBefore: 0 });
    expect(await world.store.db.selectFrom('nonce').selectAll().execute()).toHaveLength(1);
  });

  it('of an agent that is too old is refused, with the version it needs', async () => {
    const request = await world.openRequest(await world.runner(), { protocol: 0 });
    expect(await world.refusal('open-session', request)).toMatchObject({
      code: 'unauthorized',
      reason: 'version-too-old',
      detail: { minimum: 1 },
    });
  });

  it('speaks the older of the two versions', async () => {
    const request = await world.openRequest(await world.runner(), { protocol: 99 });
    expect(await world.do('open-session', request)).toMatchObject({ protocol: 1 });
  });

  it('ends the one before of the same machine', async () => {
    const first = await world.session();
    const second = await world.session({ runner: first.runner });
    expect(await world.refusal('find-session', { tokenHash: first.tokenHash })).toMatchObject({ reason: 'superseded' });
    expect(await world.do('find-session', { tokenHash: second.tokenHash })).toMatchObject({ session: second.id });
    expect(world.store.topics).toContain(`session:${first.id}`);
  });

  it('of another machine is refused while the first is there, unless it takes over', async () => {
    const first = await world.session();
    const request = await world.openRequest(first.runner, { machineId: 'clone' });
    expect(await world.refusal('open-session', request)).toMatchObject({ code: 'conflict', reason: 'other-machine' });
    await world.do('find-session', { tokenHash: first.tokenHash });
    await world.session({ runner: first.runner, machineId: 'clone', takeover: true });
    expect(await world.refusal('find-session', { tokenHash: first.tokenHash })).toMatchObject({ reason: 'superseded' });
  });

  it('of another machine is opened once the first was not heard of for long', async () => {
    const first = await world.session();
    await world.clock.advance(90_000);
    await world.session({ runner: first.runner, machineId: 'clone' });
  });

  it('lasts as long as something is heard of it', async () => {
    const { id, tokenHash } = await world.session();
    await world.clock.advance(3_000_000);
    await world.do('touch-sessions', { sessions: [id] });
    await world.clock.advance(3_000_000);
    await world.do('find-session', { tokenHash });
    await world.clock.advance(600_000);
    expect(await world.refusal('find-session', { tokenHash })).toMatchObject({ reason: 'token-expired' });
  });

  it('goes on with what the agent has: from the record behind the last one, and with its logs', async () => {
    const running = await world.running();
    running.journal.step(1, 'running');
    await world.sync(running, running.journal);
    running.journal.step(1, 'completed');
    const held = running.journal.held(running);
    const request = await world.openRequest(running.on.runner, { attempts: [held] });
    const opened = await world.do('open-session', request);
    expect(opened.attempts).toEqual([{ attempt: running.attempt, verdict: 'continue', ack: 2, logs: [] }]);
    const again = { ...running, session: opened.session };
    expect(await world.sync(again, running.journal)).toMatchObject({ result: 'ok', ack: 3 });
    expect(await world.sync(running, running.journal).catch(() => 'refused')).toBe('refused');
  });

  it('puts back at once what was accepted, was not begun, and is not on the disk', async () => {
    const { attempt, fence, on } = await world.accepted();
    await world.session({ runner: on.runner });
    const row = await world.attempt(attempt);
    expect(row).toMatchObject({ state: 'queued', returns: 1 });
    expect(row.fence).toBeGreaterThan(fence);
  });

  it('keeps what was accepted and is on the disk', async () => {
    const accepted = await world.accepted();
    const journal = new TestJournal();
    const next = await world.session({ runner: accepted.on.runner, attempts: [journal.held(accepted)] });
    expect(await world.attempt(accepted.attempt)).toMatchObject({ state: 'accepted', session_id: next.id });
  });

  it('loses what ran on a machine that has come back without it', async () => {
    const { attempt, on } = await world.running();
    await world.session({ runner: on.runner, bootId: 'boot-2' });
    expect(await world.attempt(attempt)).toMatchObject({ state: 'finished', lost: 'runner-rebooted' });
  });

  it('does not start an exclusive job again before its lease is over, as its processes may be left', async () => {
    const { attempt, on } = await world.running({ policy: 'exclusive' });
    await world.session({ runner: on.runner });
    expect(await world.state(attempt)).toBe('running');
    expect(await world.offer(await world.session())).toEqual([]);
  });

  it('starts an exclusive job again after a reboot of the machine it ran on', async () => {
    const { attempt, on } = await world.running({ policy: 'exclusive' });
    await world.session({ runner: on.runner, bootId: 'boot-2' });
    const [next] = await world.offer(await world.session());
    expect(next?.attempt).not.toBe(attempt);
  });

  it('fences what was lost meanwhile, and does not know what never was', async () => {
    const running = await world.running();
    await world.pass(60_000);
    await world.pass(540_000);
    const attempts = [running.journal.held(running), { ...running.journal.held(running), attempt: 'never' }];
    const request = await world.openRequest(running.on.runner, { attempts });
    const opened = await world.do('open-session', request);
    expect(opened.attempts.map(({ verdict }) => verdict)).toEqual(['fenced', 'unknown']);
  });

  it('fences what has another history than the server, and what has lost some of it', async () => {
    const running = await world.running();
    running.journal.step(1, 'running');
    await world.sync(running, running.journal);
    const verdict = async (journal: TestJournal) => {
      const request = await world.openRequest(running.on.runner, { attempts: [journal.held(running)] });
      return (await world.do('open-session', request)).attempts[0]?.verdict;
    };
    expect(await verdict(new TestJournal().start())).toBe('fenced');
    expect((await world.attempt(running.attempt)).quarantined).toBe(1);
  });

  it('says that an attempt is done when its logs are there as well', async () => {
    const running = await world.running();
    running.journal.step(1, 'running').step(1, 'completed');
    running.journal.add({
      kind: 'log-sealed',
      at: '2026-01-01T00:00:00.000Z',
      step: 1,
      length: 10,
      hash: 'a'.repeat(64),
      cut: null,
    });
    running.journal.finish();
    await world.sync(running, running.journal);
    const verdict = async () => {
      const attempts = [running.journal.held(running, true)];
      return (await world.do('open-session', await world.openRequest(running.on.runner, { attempts }))).attempts[0];
    };
    expect(await verdict()).toMatchObject({ verdict: 'continue', logs: [{ step: 1, durable: 0 }] });
    await world.store.db.updateTable('log_stream').set({ length: 10 }).execute();
    expect(await verdict()).toMatchObject({ verdict: 'done' });
  });

  it('that ends gives back what it had not begun', async () => {
    const offered = await world.offered();
    await world.do('close-session', { session: offered.session });
    await world.do('close-session', { session: offered.session });
    expect(await world.state(offered.attempt)).toBe('queued');
  });

  it('of an ephemeral runner is over with its one job, and the runner gone', async () => {
    const { on, ...running } = await world.running({}, { ephemeral: true });
    await world.store.db.updateTable('runner').set({ consumed: 1 }).execute();
    await world.job();
    expect(await world.offer(on)).toEqual([]);
    const leave = async (holding: { attempt: string; fence: number; cancelling: boolean }[]) =>
      (await world.do('poll-state', { sessions: [{ session: on.id, holding }] })).views[0]?.view?.leave;
    expect(await leave([{ attempt: running.attempt, fence: running.fence, cancelling: false }])).toBe(false);
    running.journal.finish();
    await world.sync({ ...running, session: on.id }, running.journal);
    expect(await leave([])).toBe(true);
    await world.do('close-session', { session: on.id });
    expect((await world.do('list-runners', {})).runners).toEqual([]);
  });
});

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
