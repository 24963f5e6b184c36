/** What agents report, exactly once, and no more than the rules allow. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StepState } from '../../../src/protocol/events.ts';
import type { StepReport } from '../../../src/protocol/report.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { RECORD_SEPARATOR } from '../../../src/server/dispatch/check-chain.ts';
import { AT, QueueWorld, TestJournal } from './queue-world.ts';

type Running = Awaited<ReturnType<QueueWorld['running']>>;

describeDatabases('reports', (database) => {
  let world: QueueWorld;
  let running: Running;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
    running = await world.running();
  });
  afterEach(async () => {
    expect(await world.inconsistencies()).toEqual([]);
    await world.close();
  });
  const steps = () => world.store.db.selectFrom('step').select(['number', 'state']).orderBy('number').execute();

  it('are applied in order, up to the end', async () => {
    running.journal.step(1, 'running').step(1, 'completed').step(2, 'running').step(2, 'completed').finish();
    expect(await world.sync(running, running.journal)).toEqual({
      attempt: running.attempt,
      result: 'ok',
      ack: 6,
      cancel: null,
    });
    expect(await steps()).toEqual([
      { number: 1, state: 'completed' },
      { number: 2, state: 'completed' },
    ]);
    expect(await world.attempt(running.attempt)).toMatchObject({
      state: 'finished',
      conclusion: 'success',
      fence: running.fence,
      ack_seq: 6,
      journal_hash: running.journal.hashes[6],
    });
    const journal = await world.store.db.selectFrom('journal').select(['seq', 'body', 'hash']).orderBy('seq').execute();
    expect(journal.flatMap(({ body }) => body.split(RECORD_SEPARATOR))).toEqual(running.journal.texts);
    expect(journal.map(({ seq, hash }) => [seq, hash])).toEqual(
      [1, 6].map((seq) => [seq, running.journal.hashes[seq]]),
    );
  });

  it('that come again change nothing, whichever part of them it is', async () => {
    running.journal.step(1, 'running').step(1, 'completed').finish();
    const whole = await world.sync(running, running.journal);
    const before = await world.attempt(running.attempt);
    for (let from = 1; from <= 5; from++) expect(await world.sync(running, running.journal, from)).toEqual(whole);
    expect(await world.attempt(running.attempt)).toEqual(before);
    expect(await world.store.db.selectFrom('journal').selectAll().execute()).toHaveLength(2);
    // Counted each, from all four of them down to none.
    expect(world.store.counted('dup_records_total')).toBe(4 + 3 + 2 + 1);
  });

  it('that overlap what is known go on behind it', async () => {
    running.journal.step(1, 'running');
    await world.sync(running, running.journal);
    running.journal.step(1, 'completed').finish();
    expect(await world.sync(running, running.journal, 1)).toMatchObject({ result: 'ok', ack: 4 });
  });

  it('with a gap before them are refused, with the number to go on behind', async () => {
    running.journal.step(1, 'running').step(1, 'completed').finish();
    expect(await world.sync(running, running.journal, 3)).toMatchObject({ result: 'gap', ack: 1 });
    expect(await world.state(running.attempt)).toBe('running');
    expect(world.store.counted('gap_total')).toBe(1);
  });

  it('of another chain are a fork: the attempt is quarantined for good', async () => {
    running.journal.step(1, 'running');
    await world.sync(running, running.journal);
    const other = new TestJournal().start().step(7, 'running').step(7, 'completed');
    expect(await world.sync(running, other, 1)).toMatchObject({ result: 'fork', ack: 2 });
    running.journal.step(1, 'completed');
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'fork' });
    expect(await steps()).toEqual([{ number: 1, state: 'running' }]);
    await world.pass(60_000);
    expect(await world.state(running.attempt)).toBe('disconnected');
  });

  it('of duplicates with another hash are a fork too', async () => {
    running.journal.step(1, 'running').step(2, 'running');
    await world.sync(running, running.journal);
    expect(await world.sync(running, new TestJournal().addText('{"kind":"else"}'), 1)).toMatchObject({
      result: 'fork',
    });
  });

  it('of which an old request had the first few are known, also where others came with them', async () => {
    running.journal.step(1, 'running').step(1, 'completed').step(2, 'running');
    await world.sync(running, running.journal);
    for (let count = 1; count <= 4; count++) {
      const part = new TestJournal();
      for (const text of running.journal.texts.slice(0, count)) part.addText(text);
      expect(await world.sync(running, part, 1)).toMatchObject({ result: 'ok', ack: 4 });
    }
    const other = new TestJournal();
    for (const text of [...running.journal.texts.slice(0, 2), '{"kind":"else"}']) other.addText(text);
    expect(await world.sync(running, other, 1)).toMatchObject({ result: 'fork', ack: 4 });
  });

  it('under another fence, or from another session, change nothing', async () => {
    running.journal.step(1, 'running');
    const wrong = { ...running, fence: running.fence + 1 };
    expect(await world.sync(wrong, running.journal)).toMatchObject({ result: 'fenced' });
    const other = await world.session();
    expect(await world.sync({ ...running, session: other.id }, running.journal)).toMatchObject({ result: 'fenced' });
    expect(await steps()).toEqual([]);
    expect(world.store.counted('fenced_total')).toBe(2);
  });

  it('of an attempt nobody knows are fenced', async () => {
    const unknown = { ...running, attempt: 'nobody' };
    expect(await world.sync(unknown, running.journal, 1)).toMatchObject({ result: 'fenced', ack: 0 });
  });

  it('of attempt 1 that come after attempt 2 has begun leave attempt 2 as it is (River)', async () => {
    const first = await world.running({ policy: 'exclusive' });
    await world.pass(60_000);
    await world.pass(5_000);
    const second = await world.session();
    const [offer] = (await world.offer(second)).filter(({ attempt }) => attempt !== running.attempt);
    if (!offer) throw new Error('there is no second attempt');
    await world.accept(offer);
    await world.sync(offer, new TestJournal().start());
    first.journal.step(1, 'running').step(1, 'completed').finish('success');
    expect(await world.sync(first, first.journal)).toMatchObject({ result: 'fenced' });
    expect(await world.attempt(offer.attempt)).toMatchObject({ state: 'running', no: 2, conclusion: null });
    expect(await world.attempt(first.attempt)).toMatchObject({ lost: 'lease-expired', conclusion: 'failure' });
  });

  it('count as long as the fence is current, though the agent was not heard of (hatchet#2432)', async () => {
    await world.pass(500_000);
    expect(await world.state(running.attempt)).toBe('disconnected');
    running.journal.step(1, 'running').step(1, 'completed').finish('success');
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'ok' });
    expect(await world.attempt(running.attempt)).toMatchObject({ state: 'finished', conclusion: 'success' });
  });

  it('that come too late are kept, and not applied', async () => {
    await world.pass(60_000);
    await world.pass(540_000);
    running.journal.step(1, 'running').step(1, 'completed').finish('success');
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'fenced' });
    const row = await world.attempt(running.attempt);
    expect(row).toMatchObject({ conclusion: 'failure', lost: 'lease-expired', late_report: running.journal.texts[3] });
    expect(await steps()).toEqual([]);
  });

  it('of the end are refused while a step is not completed', async () => {
    running.journal.step(1, 'running').finish();
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'illegal', ack: 2 });
    expect(await world.state(running.attempt)).toBe('running');
    expect(world.store.counted('illegal_record_total', { rule: 'finished-with-open-steps' })).toBe(1);
  });

  it('of the end by an agent whose worker cannot speak end what is open', async () => {
    running.journal.step(1, 'running').step(2, 'pending').finish('failure', 'worker-crashed');
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'ok', ack: 4 });
    expect(await world.attempt(running.attempt)).toMatchObject({ state: 'finished', lost: 'worker-crashed' });
    expect(await steps()).toEqual([
      { number: 1, state: 'completed' },
      { number: 2, state: 'completed' },
    ]);
  });

  it('before the start of the job are refused', async () => {
    const accepted = await world.accepted();
    expect(await world.sync(accepted, new TestJournal().step(1, 'running'))).toMatchObject({
      result: 'illegal',
      ack: 0,
    });
    expect(await world.state(accepted.attempt)).toBe('accepted');
  });

  it('of an offer that was not accepted are refused', async () => {
    const offered = await world.offered();
    expect(await world.sync(offered, new TestJournal().start())).toMatchObject({ result: 'illegal' });
    expect(await world.state(offered.attempt)).toBe('offered');
  });

  it.each([
    ['no JSON', '{'],
    ['no record', '{"kind":"something"}'],
    ['a second start', JSON.stringify({ kind: 'job-started', at: AT })],
  ])('with %s in them are applied up to it', async (_, text) => {
    running.journal.step(1, 'running').addText(text).step(1, 'completed');
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'illegal', ack: 2 });
    expect(await steps()).toEqual([{ number: 1, state: 'running' }]);
  });

  it('that are refused do not keep the attempt alive', async () => {
    running.journal.addText('{');
    for (let count = 0; count < 4; count++) {
      await world.sync(running, running.journal);
      await world.pass(20_000);
    }
    expect(await world.state(running.attempt)).toBe('disconnected');
  });

  it('behind the end of the job are refused', async () => {
    running.journal.finish();
    await world.sync(running, running.journal);
    running.journal.step(1, 'running');
    expect(await world.sync(running, running.journal)).toMatchObject({ result: 'illegal', ack: 2 });
  });

  it('say how much of a log there is, and where it ends', async () => {
    const { session, attempt, fence, journal } = running;
    const say = (length: number) =>
      world.do('sync-attempts', {
        session,
        attempts: [{ attempt, fence, ...journal.since(2), logs: [{ step: 1, length }] }],
      });
    await say(100);
    await say(50);
    const row = () => world.store.db.selectFrom('log_stream').selectAll().executeTakeFirstOrThrow();
    expect(await row()).toMatchObject({ attempt_id: attempt, step: 1, announced: 100, sealed_length: null });
    journal.add({ kind: 'log-sealed', at: AT, step: 1, length: 120, hash: 'a'.repeat(64), cut: 'limit' });
    await world.sync(running, journal);
    expect(await row()).toMatchObject({
      announced: 120,
      sealed_length: 120,
      sealed_hash: 'a'.repeat(64),
      cut: 'limit',
    });
  });

  it('of many attempts share one request, each with its own answer', async () => {
    const session = await world.session({ slots: 3 });
    for (let count = 0; count < 3; count++) await world.job();
    const offers = await world.offer({ ...session, free: 3 });
    for (const offer of offers) await world.accept(offer);
    const journals = [new TestJournal().start(), new TestJournal().step(1, 'running'), new TestJournal()];
    const attempts = offers.map(({ attempt, fence }, index) => ({
      attempt,
      fence,
      ...(journals[index] ?? new TestJournal()).since(1),
      logs: [],
    }));
    const reply = await world.do('sync-attempts', { session: session.id, attempts });
    expect(reply.attempts.map(({ result }) => result)).toEqual(['ok', 'illegal', 'ok']);
  });

  it('of a session that is over are refused', async () => {
    await world.do('close-session', { session: running.session });
    const input = { session: running.session, attempts: [] };
    expect(await world.refusal('sync-attempts', input)).toMatchObject({ reason: 'superseded' });
  });
});

describe('a report of a step', () => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open('sqlite');
  });
  afterEach(() => world.close());

  type Said = readonly [number, StepState, Partial<StepReport>?];
  const background = { background: true, id: 'server' };
  const wait: Partial<StepReport> = { kind: 'wait', targets: ['Server'], id: null };
  const REFUSED: readonly (readonly [string, string, readonly Said[]])[] = [
    [
      'changes a result',
      'changed-after-end',
      [
        [1, 'running'],
        [1, 'completed'],
        [1, 'completed', { outcome: 'failure' }],
      ],
    ],
    [
      'starts what has ended',
      'changed-after-end',
      [
        [1, 'completed'],
        [1, 'running'],
      ],
    ],
    [
      'goes back',
      'went-back',
      [
        [1, 'running'],
        [1, 'queued'],
      ],
    ],
    [
      'starts what was cancelled',
      'went-back',
      [
        [1, 'cancelling'],
        [1, 'running'],
      ],
    ],
    [
      'starts a second time',
      'started-twice',
      [
        [1, 'running'],
        [1, 'running', { startedAt: '2026-01-01T00:00:09.000Z' }],
      ],
    ],
    [
      'succeeds without a start',
      'ended-without-start',
      [
        [1, 'pending'],
        [1, 'completed', { startedAt: null }],
      ],
    ],
    ['ends without a result', 'end-without-result', [[1, 'completed', { outcome: null }]]],
    [
      'waits for what is running',
      'wait-ended-early',
      [
        [1, 'running', background],
        [2, 'completed', wait],
      ],
    ],
    [
      'waits for what is queued',
      'wait-ended-early',
      [
        [1, 'queued', background],
        [2, 'completed', wait],
      ],
    ],
  ];
  it.each(REFUSED)('that %s is refused and counted', async (_, rule, said) => {
    const { journal, ...running } = await world.running();
    for (const one of said) journal.step(...one);
    expect(await world.sync(running, journal)).toMatchObject({ result: 'illegal', ack: said.length });
    expect(world.store.counted('illegal_record_total', { rule })).toBe(1);
  });

  const ALLOWED: readonly (readonly [string, readonly Said[]])[] = [
    ['is skipped without a start', [[1, 'completed', { outcome: 'skipped', conclusion: 'skipped', startedAt: null }]]],
    ['fails before it can start', [[1, 'completed', { outcome: 'failure', conclusion: 'failure', startedAt: null }]]],
    [
      'is cancelled in the queue',
      [
        [1, 'queued', background],
        [1, 'completed', { ...background, outcome: 'cancelled', conclusion: 'cancelled', startedAt: null }],
      ],
    ],
    [
      'is cancelled while it runs',
      [
        [1, 'running'],
        [1, 'cancelling'],
        [1, 'completed', { outcome: 'cancelled' }],
      ],
    ],
    [
      'waits for what has ended',
      [
        [1, 'running', background],
        [1, 'completed', background],
        [2, 'completed', wait],
      ],
    ],
    [
      'is a wait that was cancelled',
      [
        [1, 'running', background],
        [2, 'completed', { ...wait, outcome: 'cancelled', conclusion: 'cancelled' }],
      ],
    ],
  ];
  it.each(ALLOWED)('that %s is taken', async (_, said) => {
    const { journal, ...running } = await world.running();
    for (const one of said) journal.step(...one);
    expect(await world.sync(running, journal)).toMatchObject({ result: 'ok', ack: said.length + 1 });
  });
});
