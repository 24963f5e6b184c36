/** An agent that says what cannot be: it is told so, it is counted, and nobody else is the worse for it. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeDatabases } from '../../support/postgres.ts';
import { AT, QueueWorld } from './queue-world.ts';

type Running = Awaited<ReturnType<QueueWorld['running']>>;

describeDatabases('an agent that lies', (database) => {
  let world: QueueWorld;
  let running: Running;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
    running = await world.running();
  });
  afterEach(async () => {
    expect(world.store.troubles).toEqual([]);
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });

  it('by naming an attempt twice in one request is refused, and nothing of it counts', async () => {
    const { session, attempt, fence, journal } = running;
    journal.step(1, 'running');
    const sent = { attempt, fence, ...journal.since(2), logs: [] };
    const refusal = await world.refusal('sync-attempts', { session, attempts: [sent, sent] });
    expect(refusal).toMatchObject({ code: 'invalid', message: expect.stringContaining(attempt) });
    expect(await world.attempt(attempt)).toMatchObject({ ack_seq: 1 });
    expect(await world.sync(running, journal)).toMatchObject({ result: 'ok', ack: 2 });
  });

  it('by telling of one log twice in one request has its last word', async () => {
    const { session, attempt, fence, journal } = running;
    const logs = [
      { step: 1, length: 5 },
      { step: 1, length: 9 },
    ];
    await world.do('sync-attempts', { session, attempts: [{ attempt, fence, ...journal.since(2), logs }] });
    const rows = await world.store.db.selectFrom('log_stream').select(['step', 'announced']).execute();
    expect(rows).toEqual([{ step: 1, announced: 9 }]);
  });

  it('of steps that nobody can have is stopped at the first of them', async () => {
    for (const number of [-1, 1_000_001, 2 ** 31, 2 ** 52]) {
      const other = await world.running();
      other.journal.step(1, 'running').step(number, 'running').step(2, 'running');
      expect(await world.sync(other, other.journal)).toMatchObject({ result: 'illegal', ack: 2 });
    }
    const sealed = await world.running();
    sealed.journal.add({ kind: 'log-sealed', at: AT, step: 2 ** 40, length: 1, hash: 'a'.repeat(64), cut: null });
    expect(await world.sync(sealed, sealed.journal)).toMatchObject({ result: 'illegal', ack: 1 });
    expect(world.store.counted('illegal_record_total', { rule: 'no-step-number' })).toBe(5);
  });

  it('with texts that a database does not take is stored as far as it does', async () => {
    running.journal
      .step(1, 'running', { name: 'a\0b' })
      .step(1, 'completed', { name: 'a\0b', outputs: { x: '\0', y: '\ud800' } })
      .add({
        kind: 'job-finished',
        at: AT,
        conclusion: 'failure',
        reason: 'odd \0 reason',
        lost: null,
        outputs: { z: '\0' },
        startedAt: AT,
        completedAt: AT,
      });
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'ok', ack: 4 });
    expect(await world.state(running.attempt)).toBe('finished');
  });

  it('about what is not its own changes nothing of it', async () => {
    const other = await world.running();
    const before = await world.attempt(other.attempt);
    const claims = [
      { session: running.session, attempt: other.attempt, fence: other.fence },
      { session: running.session, attempt: other.attempt, fence: running.fence },
      { session: running.session, attempt: running.attempt, fence: other.fence },
    ];
    for (const claim of claims) {
      other.journal.finish();
      expect(await world.sync(claim, other.journal, 2)).toMatchObject({ result: 'fenced', cancel: null });
      expect(await world.refusal('accept-attempt', claim)).toMatchObject({ code: 'conflict' });
      expect(await world.refusal('decline-attempt', { ...claim, reason: 'x', final: true })).toMatchObject({
        code: 'conflict',
      });
      expect(await world.refusal('find-log-writer', claim)).toMatchObject({ reason: 'fenced' });
    }
    expect(await world.attempt(other.attempt)).toEqual(before);
    const held = [other.journal.held(other)];
    const { attempts } = await world.do('open-session', await world.openRequest(running.on.runner, { attempts: held }));
    expect(attempts).toMatchObject([{ attempt: other.attempt, verdict: 'fenced' }]);
    expect(await world.attempt(other.attempt)).toEqual(before);
  });
});
