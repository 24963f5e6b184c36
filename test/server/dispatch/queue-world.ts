/** A database with runners, sessions and jobs that nobody has to run: attempts as the agents' requests move them. */
import { generateKeyPairSync } from 'node:crypto';
import { CHAIN_START, chainHash } from '../../../src/kernel/record-chain.ts';
import type { HeldAttempt, SyncRequest } from '../../../src/protocol/agent-api.ts';
import type { ApiError, ApiResult } from '../../../src/protocol/api-error.ts';
import type { AttemptRecord } from '../../../src/protocol/attempt-record.ts';
import type { AttemptState, LossPolicy } from '../../../src/protocol/attempt-state.ts';
import type { StepState } from '../../../src/protocol/events.ts';
import type { StepReport } from '../../../src/protocol/report.ts';
import { enqueueAttempt } from '../../../src/server/dispatch/enqueue-attempt.ts';
import { satisfies, offeredLabels, wantedLabels } from '../../../src/server/dispatch/label-set.ts';
import { type CancelAsked, requestCancel } from '../../../src/server/dispatch/request-cancel.ts';
import type { OperationContext, ServerSettings } from '../../../src/server/operation.ts';
import type { OperationInput, OperationName, OperationOutput } from '../../../src/server/operations.ts';
import { moveAttempt } from '../../../src/server/dispatch/move-attempt.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';

export interface JobOptions {
  readonly labels?: readonly string[];
  readonly group?: string | null;
  readonly priority?: number;
  readonly policy?: LossPolicy;
  readonly notBefore?: number;
  readonly features?: readonly string[];
}

export interface SessionOptions {
  readonly name?: string;
  readonly labels?: readonly string[];
  readonly features?: readonly string[];
  readonly slots?: number;
  readonly ephemeral?: boolean;
  readonly machineId?: string;
  readonly bootId?: string;
  readonly protocol?: number;
  readonly takeover?: boolean;
  readonly attempts?: readonly HeldAttempt[];
  /** The runner of another session. */
  readonly runner?: string;
  /** Of a new runner. */
  readonly runnerGroup?: string;
}

export interface TestSession {
  readonly id: string;
  readonly runner: string;
  readonly tokenHash: string;
  readonly labels: readonly string[];
  readonly features: readonly string[];
  readonly group: string;
}

export interface Offered {
  readonly session: string;
  readonly attempt: string;
  readonly fence: number;
}

export class QueueWorld {
  readonly store: TestStore;
  readonly clock: FakeClock;
  readonly publicKey = generateKeyPairSync('ed25519')
    .publicKey.export({ type: 'spki', format: 'der' })
    .toString('base64');
  readonly sealKey = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  readonly run: number;
  #count = 0;

  private constructor(store: TestStore, clock: FakeClock, run: number) {
    this.store = store;
    this.clock = clock;
    this.run = run;
  }

  static async open(database: 'sqlite' | 'postgres', settings: Partial<ServerSettings> = {}): Promise<QueueWorld> {
    const clock = new FakeClock();
    const store = await openTestStore({ database, clock, settings });
    const { id } = await store.db
      .insertInto('run')
      .values({
        name: 'test',
        path: '.github/workflows/test.yml',
        event: 'push',
        actor: 'somebody',
        state: 'running',
        version: 0,
        input_sha: '0',
        submission_sha: '0',
        attempt: 1,
        priority: 0,
        created_at: clock.now(),
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return new QueueWorld(store, clock, id);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  /** The output, or throws what was refused. */
  async do<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationOutput<Name>> {
    return unwrap(await this.store.execute(name, input));
  }

  /** Why it was refused. */
  async refusal<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<ApiError> {
    const result = await this.store.execute(name, input);
    if (result.ok) throw new Error(`${name} was not refused`);
    return result.error;
  }

  async perform<Output>(operation: (context: OperationContext) => Promise<Output>): Promise<Output> {
    return unwrap(await this.store.perform(operation, null));
  }

  /** Queues a job; its attempt. */
  async job(options: JobOptions = {}): Promise<string> {
    const { labels = [], group = null, priority = 0, policy = 'at-most-once', features = [] } = options;
    return await this.perform(async (context) => {
      const key = `job-${this.#count++}`;
      const { id: jobId } = await context.db
        .insertInto('job')
        .values({
          run_id: this.run,
          run_attempt: 1,
          key,
          job_id: key,
          instance: 0,
          name: key,
          needs: '[]',
          state: 'queued',
          outputs: '{}',
          labels: JSON.stringify(labels),
          priority,
          policy,
          attempt_no: 0,
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      const { notBefore } = options;
      return await enqueueAttempt(context, {
        jobId,
        runId: this.run,
        labels,
        group,
        features,
        priority,
        policy,
        ...(notBefore === undefined ? {} : { notBefore }),
      });
    });
  }

  async runner(options: SessionOptions = {}): Promise<string> {
    const name = options.name ?? `runner-${this.#count++}`;
    await this.store.db
      .insertInto('runner')
      .values({
        id: `id-of-${name}`,
        name,
        public_key: this.publicKey,
        seal_key: this.sealKey,
        labels: JSON.stringify(options.labels ?? []),
        ephemeral: options.ephemeral === true ? 1 : 0,
        consumed: 0,
        paused: 0,
        created_at: this.clock.now(),
        group_name: options.runnerGroup ?? 'default',
      })
      .execute();
    return `id-of-${name}`;
  }

  openRequest(runner: string, options: SessionOptions = {}): Promise<OperationInput<'open-session'>> {
    return Promise.resolve({
      runner,
      nonce: `nonce-${this.#count++}`,
      tokenHash: `token-${this.#count++}`,
      protocol: options.protocol ?? 1,
      version: '1.0.0',
      features: [...(options.features ?? ['exclusive'])],
      machineId: options.machineId ?? `machine-of-${runner}`,
      bootId: options.bootId ?? 'boot-1',
      slots: options.slots ?? 1,
      labels: [...(options.labels ?? [])],
      ephemeral: options.ephemeral ?? false,
      takeover: options.takeover ?? false,
      attempts: [...(options.attempts ?? [])],
    });
  }

  async session(options: SessionOptions = {}): Promise<TestSession> {
    const runner = options.runner ?? (await this.runner(options));
    const request = await this.openRequest(runner, options);
    const { session } = await this.do('open-session', request);
    const { tokenHash, labels, features } = request;
    return { id: session, runner, tokenHash, labels, features, group: options.runnerGroup ?? 'default' };
  }

  /** What the dispatcher would ask for sessions that wait. */
  async classes(
    sessions: readonly (TestSession & { readonly free?: number; readonly declined?: readonly string[] })[],
  ): Promise<OperationInput<'offer-work'>> {
    const sets = await this.store.db.selectFrom('label_set').selectAll().execute();
    return {
      classes: sessions.map(({ id, labels, features, group, free = 1, declined = [] }) => ({
        labelSets: sets
          .filter((set) => satisfies(offeredLabels(labels, features, group), wantedLabels(set.labels)))
          .map((set) => set.id),
        sessions: [{ session: id, free, declined }],
      })),
    };
  }

  async offer(...sessions: Parameters<QueueWorld['classes']>[0]): Promise<readonly Offered[]> {
    const { offers } = await this.do('offer-work', await this.classes(sessions));
    return offers.map(({ session, offer: { attempt, fence } }) => ({ session, attempt, fence }));
  }

  /** One job, offered to a new session of its own. */
  async offered(job: JobOptions = {}, session: SessionOptions = {}): Promise<Offered & { readonly on: TestSession }> {
    const on = await this.session({ labels: job.labels ?? [], ...session });
    const attempt = await this.job(job);
    const offer = (await this.offer(on)).find((one) => one.attempt === attempt);
    if (!offer) throw new Error('the job was not offered');
    return { ...offer, on };
  }

  /** What accepting does to the attempt, without a message. */
  async accepted(job: JobOptions = {}, session: SessionOptions = {}): Promise<Offered & { readonly on: TestSession }> {
    const offered = await this.offered(job, session);
    await this.accept(offered);
    return offered;
  }

  async accept({ attempt, fence }: Offered): Promise<boolean> {
    return await this.perform((context) => moveAttempt(context, { id: attempt, fence }, { to: 'accepted' }));
  }

  async running(
    job: JobOptions = {},
    session: SessionOptions = {},
  ): Promise<Offered & { readonly on: TestSession; readonly journal: TestJournal }> {
    const accepted = await this.accepted(job, session);
    const journal = new TestJournal();
    journal.start();
    await this.sync(accepted, journal);
    return { ...accepted, journal };
  }

  /** Sends the journal from `from` on; default: what is new since the last time. */
  async sync({ session, attempt, fence }: Offered, journal: TestJournal, from = journal.sent + 1) {
    const sent = { attempt, fence, ...journal.since(from), logs: [] };
    const { attempts } = await this.do('sync-attempts', { session, attempts: [sent] });
    const reply = attempts[0];
    if (!reply) throw new Error('no answer for the attempt');
    if (reply.result === 'ok') journal.sent = reply.ack;
    return reply;
  }

  async cancel(attemptId: string, asked: Partial<CancelAsked> = {}): Promise<void> {
    await this.perform((context) => requestCancel(context, { attemptId, cause: 'user', force: false, ...asked }));
  }

  /** Moves on without renewing anything, and does what is due. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    while ((await this.do('sweep', {})).more);
  }

  async attempt(id: string) {
    return await this.store.db.selectFrom('attempt').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  }

  async state(id: string): Promise<AttemptState> {
    return (await this.attempt(id)).state as AttemptState;
  }

  async jobOf(attempt: string) {
    return await this.store.db
      .selectFrom('job')
      .innerJoin('attempt', 'attempt.job_id', 'job.id')
      .selectAll('job')
      .where('attempt.id', '=', attempt)
      .executeTakeFirstOrThrow();
  }

  /** What has to hold at any time: rows of queue and leases are there for exactly the states that have them. */
  async inconsistencies(): Promise<readonly string[]> {
    const { db } = this.store;
    const attempts = await db.selectFrom('attempt').select(['id', 'state', 'fence', 'session_id']).execute();
    const ready = new Set((await db.selectFrom('ready').select('attempt_id').execute()).map((row) => row.attempt_id));
    const leases = new Map((await db.selectFrom('lease').selectAll().execute()).map((row) => [row.attempt_id, row]));
    return attempts.flatMap(({ id, state, fence, session_id }) => {
      const lease = leases.get(id);
      const isHeld = state !== 'queued' && state !== 'finished';
      const wrong = [
        ...((state === 'queued') === ready.has(id) ? [] : [`${id} is ${state}, in the queue: ${ready.has(id)}`]),
        ...(isHeld === (lease !== undefined) ? [] : [`${id} is ${state}, leased: ${lease !== undefined}`]),
      ];
      if (lease && (lease.fence !== fence || lease.session_id !== session_id)) wrong.push(`${id} has another's lease`);
      return wrong;
    });
  }
}

/** What a worker writes, with its chain of hashes. */
export class TestJournal {
  readonly texts: string[] = [];
  readonly hashes: string[] = [CHAIN_START];
  /** Number of the last record that was acknowledged. */
  sent = 0;

  add(record: AttemptRecord): this {
    return this.addText(JSON.stringify(record));
  }

  addText(text: string): this {
    this.texts.push(text);
    this.hashes.push(chainHash(this.hashes.at(-1) ?? CHAIN_START, text));
    return this;
  }

  start(): this {
    return this.add({ kind: 'job-started', at: AT });
  }

  step(number: number, state: StepState, step: Partial<StepReport> = {}): this {
    return this.add({ kind: 'step', at: AT, state, step: stepReport(number, state, step) });
  }

  finish(conclusion: 'success' | 'failure' | 'cancelled' = 'success', lost: 'worker-crashed' | null = null): this {
    return this.add({
      kind: 'job-finished',
      at: AT,
      conclusion,
      reason: lost === null ? null : 'runner-lost',
      lost,
      outputs: {},
      startedAt: AT,
      completedAt: AT,
    });
  }

  since(from: number): Pick<SyncRequest['attempts'][number], 'from' | 'before' | 'records'> {
    return { from, before: this.hashes[from - 1] ?? '0'.repeat(32), records: this.texts.slice(from - 1) };
  }

  held({ attempt, fence }: Offered, finished = false): HeldAttempt {
    return { attempt, fence, lastSeq: this.texts.length, lastHash: this.hashes.at(-1) ?? '', finished };
  }
}

export const AT = '2026-01-01T00:00:00.000Z';

function stepReport(number: number, state: StepState, step: Partial<StepReport>): StepReport {
  const begun = state === 'running' || state === 'cancelling' || state === 'completed';
  return {
    number,
    id: `step-${number}`,
    name: `Step ${number}`,
    kind: 'run',
    phase: 'main',
    background: false,
    group: null,
    targets: [],
    outcome: state === 'completed' ? 'success' : null,
    conclusion: state === 'completed' ? 'success' : null,
    reason: null,
    exitCode: null,
    signal: null,
    queuedAt: null,
    startedAt: begun ? AT : null,
    completedAt: state === 'completed' ? AT : null,
    outputs: {},
    annotations: [],
    summary: null,
    ...step,
  };
}

function unwrap<T>(result: ApiResult<T>): T {
  if (!result.ok) throw Object.assign(new Error(result.error.message), { error: result.error });
  return result.value;
}
