/**
 * The flow of runs without agents: bodies do nothing and end at once.
 *   durable URL SHAPE JOBS   jobs per second, every job's end durable before what follows it starts
 *   commits URL COUNT        commits per second of a row each
 *   memory SHAPE JOBS        events per second of the reducer alone
 * Beside it, the microseconds of processor time that each of them took: it depends less on what else the machine does.
 */
import { reduce, start } from '../../src/flow/reduce.ts';
import type { FlowCommand } from '../../src/flow/flow-event.ts';
import { RUN_EVERYTHING, type FlowInput } from '../../src/flow/flow-input.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { StepsJobPlan, WorkflowPlan } from '../../src/protocol/plan.ts';
import { moveAttempt } from '../../src/server/dispatch/move-attempt.ts';
import type { OperationContext } from '../../src/server/operation.ts';
import { jobEnded } from '../../src/server/runs/job-ended.ts';
import { jobStarted } from '../../src/server/runs/job-started.ts';
import {
  type InProcessStore,
  openStoreInProcess,
  type StoreOptions,
} from '../../src/server/storage/open-store-in-process.ts';
import { NO_FLOW } from '../../test/support/no-flow.ts';
import { TEST_SETTINGS } from '../../test/support/server-settings.ts';

type Shape = 'chain' | 'fan' | keyof typeof JOINS | keyof typeof WAITS;

const MAX_JOBS = 20_000;
const WARM_EVENTS = 20_000;
const MEASURED_EVENTS = 100_000;
/** Jobs that end at the same time, at most. */
const AGENTS = 32;

const JOINS = {
  each: { mode: 'each', batch: 1 },
  keep: { mode: 'all', keep: true },
  queue: { mode: 'count', count: 2, late: 'queue', countIgnoredFailures: false },
} as const;

interface Measured {
  /** How many of them a second. */
  readonly value: number;
  readonly cpuUs: number;
}

/** What the jobs of a fan between the first and the last have beside their needs. */
const WAITS = {
  lock: () => ({ concurrency: { group: 'one', cancelInProgress: null, queue: 'max', scope: 'run' } }),
  section: (index) => ({ flow: { ...NO_FLOW, section: { lock: 'one', name: index % 2 === 0 ? 'even' : 'odd' } } }),
  milestone: () => ({ flow: { ...NO_FLOW, milestone: { job: 'job-0', state: 'completed', otherwise: 'fail' } } }),
  race: (index) => ({ flow: { ...NO_FLOW, race: `race ${index}` } }),
} satisfies Readonly<Record<string, (index: number) => Partial<StepsJobPlan>>>;

console.log(JSON.stringify(await measure(process.argv.slice(2))));

async function measure([kind, ...rest]: readonly string[]): Promise<Measured> {
  const [first = '', second = '', third] = rest;
  if (kind === 'memory') return memory(first as Shape, Number(second));
  const store = await openStoreInProcess(storeOptions(first));
  try {
    return await (kind === 'commits' ? commits(store, Number(second)) : durable(store, second as Shape, Number(third)));
  } finally {
    await store.close();
  }
}

/**
 * A chain of jobs, or one that all but the last need and the last needs them all: by a join of the name of the shape, or
 * with waits of that name before the others.
 */
function workflow(shape: Shape, jobs: number): WorkflowPlan {
  const ids = Array.from({ length: jobs }, (_, index) => `job-${index}`);
  const last = jobs - 1;
  const needsOf = (index: number): string[] => {
    if (shape === 'chain') return ids.slice(index - 1, index);
    return index === last ? ids.slice(1, last) : ids.slice(0, Math.min(index, 1));
  };
  return {
    path: `${shape}.yml`,
    name: shape,
    runName: null,
    on: {},
    env: {},
    defaults: { shell: null, workingDirectory: null },
    concurrency: null,
    permissions: null,
    jobs: ids.map((id, index) => ({ ...job(id, needsOf(index)), ...flowOf(shape, index, last) })),
  };
}

function flowOf(shape: Shape, index: number, last: number): Partial<StepsJobPlan> {
  if (shape in JOINS && index === last) return { flow: { ...NO_FLOW, join: JOINS[shape as keyof typeof JOINS] } };
  if (shape in WAITS && index > 0 && index < last) return WAITS[shape as keyof typeof WAITS](index);
  return {};
}

function job(id: string, needs: readonly string[]): StepsJobPlan {
  return {
    kind: 'steps',
    id,
    position: { file: 'bench.yml', line: 1, column: 1 },
    name: null,
    needs,
    if: null,
    strategy: null,
    concurrency: null,
    permissions: null,
    runsOn: 'any',
    environment: null,
    env: {},
    defaults: { shell: null, workingDirectory: null },
    outputs: {},
    timeoutMinutes: null,
    continueOnError: null,
    container: null,
    services: null,
    steps: [],
  };
}

/** From now on, for as many as there were by the time the returned function is called. */
function stopwatch(): (count: number) => Measured {
  const [started, used] = [performance.now(), process.cpuUsage()];
  return (count) => {
    const { user, system } = process.cpuUsage(used);
    return { value: count / ((performance.now() - started) / 1_000), cpuUs: (user + system) / count };
  };
}

function memory(shape: Shape, jobs: number): Measured {
  const input: FlowInput = {
    workflows: [workflow(shape, jobs)],
    calls: {},
    contexts: { github: {}, inputs: {}, vars: {} },
    options: RUN_EVERYTHING,
  };
  for (let events = 0; events < WARM_EVENTS;) events += play(input);
  const stop = stopwatch();
  let events = 0;
  while (events < MEASURED_EVENTS) events += play(input);
  return stop(events);
}

/** @returns how many events it took. */
function play(input: FlowInput): number {
  let events = 1;
  const first = start(input);
  let { state } = first;
  const queue: FlowCommand[] = [...first.commands];
  // What is put in meanwhile has its turn too.
  for (const command of queue) {
    if (command.kind !== 'start-job') continue;
    const { key } = command;
    const begun = reduce(state, { kind: 'job-started', key });
    const ended = reduce(begun.state, { kind: 'job-completed', key, conclusion: 'success', reason: null, outputs: {} });
    state = ended.state;
    queue.push(...begun.commands, ...ended.commands);
    events += 2;
  }
  if (state.conclusion !== 'success') throw new Error(`the run ended as ${String(state.conclusion)}`);
  return events;
}

function storeOptions(database: string): StoreOptions {
  let ids = 0;
  return {
    database,
    clock: systemClock,
    node: 'bench',
    settings: { ...TEST_SETTINGS, maxJobs: MAX_JOBS },
    randomId: () => `${Date.now().toString(36).slice(-6)}${String(ids++).padStart(10, '0')}`,
    onTrouble: (message) => console.error(message),
  };
}

async function commits(store: InProcessStore, count: number): Promise<Measured> {
  const stop = stopwatch();
  for (let n = 0; n < count; n++) await store.perform(writeRow, { name: `repository ${n}` });
  return stop(count);
}

async function writeRow({ db, now }: OperationContext, { name }: { readonly name: string }): Promise<null> {
  await db.insertInto('repo').values({ name, clone_url: null, default_branch: null, created_at: now }).execute();
  return null;
}

async function durable(store: InProcessStore, shape: Shape, jobs: number): Promise<Measured> {
  const plan = workflow(shape, jobs);
  const submission = {
    actor: 'bench',
    repository: null,
    ref: null,
    sha: null,
    event: 'push',
    payload: {},
    job: null,
    priority: 0,
    exclusive: [],
    dedupeKey: null,
    runs: [{ path: plan.path, workflows: [plan], calls: {}, inputs: {}, diagnostics: [] }],
  };
  const stop = stopwatch();
  const submitted = await store.execute('submit-run', submission);
  if (!submitted.ok) throw new Error(submitted.error.message);
  const run = submitted.value.runs[0]?.id ?? 0;
  let done = 0;
  let last = 0;
  const queued = async (): Promise<string[]> => {
    const rows = await store.db
      .selectFrom('job')
      .select(['id', 'key'])
      .where('run_id', '=', run)
      .where('id', '>', last)
      .where('state', '=', 'queued')
      .orderBy('id')
      .execute();
    last = rows.at(-1)?.id ?? last;
    return rows.map(({ key }) => key);
  };
  for (let keys = await queued(); keys.length > 0; keys = await queued()) {
    const waiting = [...keys];
    const agents = Array.from({ length: AGENTS }, async () => {
      for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) await told(store, { run, key });
    });
    await Promise.all(agents);
    done += keys.length;
  }
  if (done !== jobs) throw new Error(`${done} of ${jobs} jobs ran`);
  return stop(jobs);
}

/** Tells it until the server has the time to hear it. */
async function told(store: InProcessStore, job: { readonly run: number; readonly key: string }): Promise<void> {
  for (;;) {
    const result = await store.perform(runJob, job);
    if (result.ok) return;
    if (result.error.code !== 'unavailable') throw new Error(result.error.message);
  }
}

/** What is written down of a job whose body is empty and runs in this process: its start, its end and what follows. */
async function runJob(context: OperationContext, { run, key }: { run: number; key: string }): Promise<null> {
  const job = await context.db
    .selectFrom('job')
    .innerJoin('attempt', 'attempt.id', 'job.attempt_id')
    .select(['job.id', 'attempt.id as attempt', 'attempt.fence'])
    .where('job.run_id', '=', run)
    // Without it the index would be of no use, and the benchmark cost more than what it measures.
    .where('job.run_attempt', '=', 1)
    .where('job.key', '=', key)
    .executeTakeFirstOrThrow();
  const at = new Date(context.now).toISOString();
  await jobStarted(context, { attemptId: job.attempt, jobId: job.id, runId: run, at });
  const end = { to: 'finished', conclusion: 'success', reason: null, lost: null, reported: false } as const;
  await moveAttempt(context, { id: job.attempt, fence: job.fence }, end);
  await jobEnded(context, { jobId: job.id, runId: run, conclusion: 'success', reason: null, outputs: {} });
  return null;
}
