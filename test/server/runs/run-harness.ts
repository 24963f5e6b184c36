/** Plays the agents of a server's runs by hand: jobs start and end as the test says, through the operations. */
import { expect } from '@jest/globals';
import type { JsonMap } from '../../../src/protocol/job-message.ts';
import type { RunEvent } from '../../../src/protocol/events.ts';
import type { JobConclusion } from '../../../src/protocol/conclusion.ts';
import type { FlowWish } from '../../../src/protocol/flow-plan.ts';
import type { JobView, RunSummary, RunView } from '../../../src/protocol/run-api.ts';
import type { ApiResult } from '../../../src/protocol/api-error.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import type { RunRequest } from '../../../src/server/runs/ask-run.ts';
import type { NewRun, Submission } from '../../../src/server/runs/submit-run.ts';
import { jobEnded } from '../../../src/server/runs/job-ended.ts';
import { jobStarted } from '../../../src/server/runs/job-started.ts';
import { moveAttempt } from '../../../src/server/dispatch/move-attempt.ts';
import { loadWorkflows } from '../../../src/workflow/load-workflows.ts';
import type { TestStore } from '../../support/server-database.ts';

export interface WorkflowSource {
  readonly path?: string;
  /** YAML; `on: push` and `runs-on: linux` are put in where they are missing. */
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly inputs?: JsonMap;
}

export async function newRun({ path = '.github/workflows/ci.yml', text, files = {}, inputs = {} }: WorkflowSource) {
  const loaded = await loadWorkflows({ name: path, bytes: Buffer.from(text) }, ({ path: called }) =>
    Promise.resolve(
      files[called] === undefined
        ? { kind: 'problem', message: `there is no ${called}` }
        : { kind: 'read', bytes: Buffer.from(files[called]) },
    ),
  );
  expect(loaded.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const { workflows, calls } = loaded;
  return { path, workflows, calls, inputs, diagnostics: [] } satisfies NewRun;
}

export function submission(runs: readonly NewRun[], more: Partial<Submission> = {}): Submission {
  return {
    actor: 'ada',
    repository: { name: 'octo/app', cloneUrl: null, defaultBranch: 'main' },
    ref: 'refs/heads/main',
    sha: 'a'.repeat(40),
    event: 'push',
    payload: {},
    job: null,
    priority: 0,
    exclusive: [],
    dedupeKey: null,
    runs,
    ...more,
  };
}

export function must<T>(result: ApiResult<T>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

/** One run, and what its agents do. */
export class RunHand {
  readonly id: number;
  readonly store: TestStore;

  constructor(store: TestStore, id: number) {
    this.store = store;
    this.id = id;
  }

  static async submit(store: TestStore, source: WorkflowSource | string, more: Partial<Submission> = {}) {
    const run = await newRun(typeof source === 'string' ? { text: source } : source);
    const { runs } = must(await store.execute('submit-run', submission([run], more)));
    return new RunHand(store, runs[0]!.id);
  }

  async view(attempt: number | null = null): Promise<RunView> {
    return must(await this.store.execute('show-run', { run: this.id, attempt }));
  }

  /** `key: state or conclusion`, of every job. */
  async jobs(): Promise<Record<string, string>> {
    const { jobs } = await this.view();
    return Object.fromEntries(jobs.map(({ key, state, conclusion }) => [key, conclusion ?? state]));
  }

  async summary(): Promise<RunSummary> {
    const { runs } = must(await this.store.execute('list-runs', { limit: 1_000 }));
    return runs.find(({ id }) => id === this.id)!;
  }

  async conclusion(): Promise<string | null> {
    return (await this.view()).conclusion;
  }

  async waiting(key: string): Promise<string | null> {
    return (await this.view()).jobs.find((job) => job.key === key)?.waiting ?? null;
  }

  /** Keys of jobs in the queue, in the order in which they would be handed out. */
  async queue(): Promise<string[]> {
    const rows = await this.store.db
      .selectFrom('ready')
      .innerJoin('job', 'job.id', 'ready.job_id')
      .select('job.key')
      .where('job.run_id', '=', this.id)
      .orderBy('ready.priority', 'desc')
      .orderBy('ready.job_id')
      .execute();
    return rows.map(({ key }) => key);
  }

  async start(key: string): Promise<void> {
    must(await this.store.perform(startJob, { run: this.id, key }));
  }

  async end(
    key: string,
    conclusion: JobConclusion = 'success',
    outputs: Readonly<Record<string, string>> = {},
    reason: string | null = null,
    wish: FlowWish | null = null,
  ): Promise<void> {
    must(await this.store.perform(endJob, { run: this.id, key, conclusion, outputs, reason, wish }));
  }

  /** Starts a job and ends it. */
  async play(key: string, conclusion: JobConclusion = 'success', outputs = {}, wish: FlowWish | null = null) {
    await this.start(key);
    await this.end(key, conclusion, outputs, null, wish);
  }

  /** Asks as a person. Answers why it was refused, or null. */
  async ask(request: RunRequest['request'], { user = 'ada', requestId = null as string | null } = {}) {
    const asked = { run: this.id, requestId, request, user, actor: `${user} (token 1)` };
    const result = await this.store.execute('ask-run', asked);
    if (!result.ok && result.error.code !== 'conflict') throw new Error(result.error.message);
    return result.ok ? null : result.error.message;
  }

  async signal(name: string, more: { job?: string; data?: string; transient?: boolean; user?: string } = {}) {
    const { job = null, data = null, transient = false, user = 'ada' } = more;
    return this.ask({ kind: 'signal', name, job, data, persistent: !transient }, { user });
  }

  async job(key: string): Promise<JobView> {
    const found = (await this.view()).jobs.find((job) => job.key === key);
    if (!found) throw new Error(`run ${this.id} has no job ${key}`);
    return found;
  }

  async cancel(force = false): Promise<RunSummary> {
    return must(await this.store.execute('cancel-run', { run: this.id, force, actor: 'ada' }));
  }

  async rerun(what: 'all' | 'failed'): Promise<RunSummary> {
    return must(await this.store.execute('rerun', { run: this.id, what, actor: 'ada' }));
  }

  async events(): Promise<RunEvent[]> {
    const { events } = must(await this.store.execute('events-after', { run: this.id, after: 0, limit: 100_000 }));
    return events.map(({ body }) => JSON.parse(body) as RunEvent);
  }

  /** Cause by key of started jobs that were asked to end. */
  async asked(): Promise<Record<string, string>> {
    const rows = await this.store.db
      .selectFrom('attempt')
      .innerJoin('job', 'job.id', 'attempt.job_id')
      .select(['job.key', 'attempt.cancel_cause'])
      .where('job.run_id', '=', this.id)
      .where('attempt.cancel_cause', 'is not', null)
      .execute();
    return Object.fromEntries(rows.map(({ key, cancel_cause }) => [key, cancel_cause ?? '']));
  }
}

interface JobOf {
  readonly run: number;
  readonly key: string;
}

export async function startJob(context: OperationContext, { run, key }: JobOf): Promise<null> {
  const { id, attempt, fence } = await find(context, { run, key });
  await moveAttempt(context, { id: attempt, fence }, { to: 'offered', session: 's', runner: 'r', fence: fence + 1 });
  const held = { id: attempt, fence: fence + 1 };
  await moveAttempt(context, held, { to: 'accepted' });
  await moveAttempt(context, held, { to: 'running' });
  const at = new Date(context.now).toISOString();
  await jobStarted(context, { attemptId: attempt, jobId: id, runId: run, at });
  return null;
}

export async function endJob(
  context: OperationContext,
  {
    run,
    key,
    conclusion,
    outputs,
    reason,
    wish,
  }: JobOf & {
    conclusion: JobConclusion;
    outputs: Readonly<Record<string, string>>;
    reason: string | null;
    wish: FlowWish | null;
  },
): Promise<null> {
  const { id, attempt, fence } = await find(context, { run, key });
  const end = { to: 'finished', conclusion, reason, lost: null, reported: true } as const;
  expect(await moveAttempt(context, { id: attempt, fence }, end)).toBe(true);
  await jobEnded(context, { jobId: id, runId: run, conclusion, reason, outputs, ...(wish && { wish }) });
  // Whoever tells twice changes nothing.
  await jobEnded(context, { jobId: id, runId: run, conclusion: 'failure', reason: null, outputs: { no: 'no' } });
  return null;
}

async function find({ db }: OperationContext, { run, key }: JobOf) {
  return db
    .selectFrom('job')
    .innerJoin('attempt', 'attempt.id', 'job.attempt_id')
    .select(['job.id', 'attempt.id as attempt', 'attempt.fence'])
    .where('job.run_id', '=', run)
    .where('job.key', '=', key)
    .where('job.state', 'in', ['queued', 'running'])
    .executeTakeFirstOrThrow();
}
