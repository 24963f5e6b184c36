import type { StartJob } from '../../flow/flow-event.ts';
import { keyOfJob, keysAround } from '../../flow/key-suffix.ts';
import type { RunEvent } from '../../protocol/events.ts';
import type { LossPolicy } from '../../protocol/attempt-state.ts';
import { labelSetOf, queueAttempts } from '../dispatch/enqueue-attempt.ts';
import { accessLabel, readAccess } from '../dispatch/group-access.ts';
import type { OperationContext } from '../operation.ts';
import { emitAll, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';
import { rowOfJob } from './job-rows.ts';
import { Statement, times } from '../storage/statement.ts';
import { neededFeatures } from './needed-features.ts';
import { inputOf } from './run-state.ts';
import { forgetWaiting } from './waiting-jobs.ts';

/** Of a `start-job`, what its workflow does not say. The rest is there for jobs in loops and around others only. */
export type StoredCommand = Omit<StartJob, 'plan' | 'env' | 'defaults'> &
  Partial<Pick<StartJob, 'plan' | 'env' | 'defaults'>>;

/** Databases limit the parameters of a statement. */
const ROWS_PER_STATEMENT = 200;

/** The number of the first attempt. */
const FIRST = 1;

/** Puts jobs into the queue, in this order. */
export async function startJobs(context: OperationContext, run: RunRow, commands: readonly StartJob[]): Promise<void> {
  if (commands.length === 0) return;
  const { exclusive } = await inputOf(context, run);
  const instances = commands.filter(({ instance }) => instance > 0);
  const waited = commands.flatMap(({ key }) => keysAround(key));
  const whole = instances.map(({ key, instance }) => keyOfJob(key, instance));
  await forgetWaiting(context, run, [...new Set([...waited, ...whole])]);
  const starts = await startsOf(context, run, commands, exclusive);
  for (let from = 0; from < starts.length; from += ROWS_PER_STATEMENT) {
    const some = starts.slice(from, from + ROWS_PER_STATEMENT);
    const rows = some.map((one) => rowOf(context, run, one));
    const made = await INSERT.execute(
      context,
      rows.flatMap((row) => COLUMNS.map((column) => row[column])),
      rows.length,
    );
    const ids = new Map(made.map(({ id, key }) => [key, id]));
    const attempts = some.map(({ command: { key }, attempt: id, labelSet, policy }) => {
      const jobId = ids.get(key);
      if (jobId === undefined) throw new RangeError(`the job ${key} of run ${run.id} has no row`);
      return { id, jobId, runId: run.id, no: FIRST, labelSet, priority: run.priority, policy, notBefore: 0 };
    });
    await queueAttempts(context, attempts);
  }
  const at = isoTime(context.now);
  const queued = commands.map(({ key, id, displayName }): RunEvent => ({
    type: 'job-queued',
    at,
    job: key,
    id,
    name: displayName,
  }));
  await emitAll(context, run.id, queued);
}

/** With what each asks of a runner; many ask the same. */
async function startsOf(
  context: OperationContext,
  run: RunRow,
  commands: readonly StartJob[],
  exclusive: readonly string[],
): Promise<readonly Start[]> {
  const { groups, asker } = await readAccess(context, run.id);
  const known = new Map<string, number>();
  const starts: Start[] = [];
  for (const command of commands) {
    const { labels, group } = command.runsOn;
    const access = accessLabel(groups, asker, group, context.settings.isolateUntrusted);
    const features = neededFeatures(command.plan);
    const policy = policyOf(command, exclusive);
    const wanted = { labels, group, access, features, policy };
    const text = JSON.stringify(wanted);
    const labelSet = known.get(text) ?? (await labelSetOf(context, wanted));
    known.set(text, labelSet);
    starts.push({ command, attempt: context.randomId(), labelSet, policy });
  }
  return starts;
}

interface Start {
  readonly command: StartJob;
  readonly attempt: string;
  readonly labelSet: number;
  readonly policy: LossPolicy;
}

function rowOf({ now }: OperationContext, run: RunRow, { command, attempt, labelSet, policy }: Start) {
  return {
    ...rowOfJob(run, { ...command, name: command.displayName, matrix: command.contexts.matrix }),
    iteration: command.iteration,
    execution: command.attempt,
    needs: JSON.stringify(command.plan.needs),
    state: 'queued',
    command: JSON.stringify(stored(command)),
    labels: JSON.stringify(command.runsOn.labels),
    label_set_id: labelSet,
    policy,
    attempt_no: FIRST,
    attempt_id: attempt,
    queued_at: now,
  };
}

const COLUMNS = [
  'run_id',
  'run_attempt',
  'key',
  'job_id',
  'instance',
  'iteration',
  'execution',
  'name',
  'matrix',
  'outputs',
  'needs',
  'state',
  'command',
  'labels',
  'label_set_id',
  'priority',
  'policy',
  'attempt_no',
  'attempt_id',
  'queued_at',
] as const;

/** What is new of a job that has a row since it waited. */
const CHANGED = COLUMNS.slice(COLUMNS.indexOf('needs'));

const INSERT = new Statement((db, hole, rows) => {
  const row = (): Record<(typeof COLUMNS)[number], never> =>
    Object.fromEntries(COLUMNS.map((column) => [column, hole()])) as Record<(typeof COLUMNS)[number], never>;
  return db
    .insertInto('job')
    .values(times(rows, row))
    .onConflict((conflict) =>
      conflict
        .columns(['run_id', 'run_attempt', 'key'])
        .doUpdateSet((set) => ({
          ...Object.fromEntries(['name' as const, ...CHANGED].map((column) => [column, set.ref(`excluded.${column}`)])),
          waits: null,
        }))
        .where('job.state', '=', 'waiting'),
    )
    .returning(['id', 'key']);
});

function stored(command: StartJob): StoredCommand {
  if (command.key.includes('@')) return command;
  // JSON has no undefined.
  const rest = { ...command, plan: undefined, env: undefined, defaults: undefined };
  return rest as unknown as StoredCommand;
}

/** `exclusive`: ids of jobs, which stand for what they call too. */
function policyOf({ id }: StartJob, exclusive: readonly string[]): LossPolicy {
  const named = exclusive.some((name) => name === '*' || id === name || id.startsWith(`${name}.`));
  return named ? 'exclusive' : 'at-most-once';
}
