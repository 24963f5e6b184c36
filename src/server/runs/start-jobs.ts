import type { StartJob } from '../../flow/flow-event.ts';
import { keyOfJob } from '../../flow/key-suffix.ts';
import type { RunEvent } from '../../protocol/events.ts';
import { enqueueAttempt } from '../dispatch/enqueue-attempt.ts';
import { accessLabel, readAccess } from '../dispatch/group-access.ts';
import type { OperationContext } from '../operation.ts';
import { emitAll, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';
import { rowOfJob } from './job-rows.ts';
import { neededFeatures } from './needed-features.ts';
import { inputOf } from './run-state.ts';
import { forgetWaiting } from './waiting-jobs.ts';

/** Of a `start-job`, what its workflow does not say. The rest is there for jobs in loops and around others only. */
export type StoredCommand = Omit<StartJob, 'plan' | 'env' | 'defaults'> &
  Partial<Pick<StartJob, 'plan' | 'env' | 'defaults'>>;

/** Databases limit the parameters of a statement. */
const ROWS_PER_STATEMENT = 200;

/** Puts jobs into the queue, in this order. */
export async function startJobs(context: OperationContext, run: RunRow, commands: readonly StartJob[]): Promise<void> {
  if (commands.length === 0) return;
  const { db, now } = context;
  const { exclusive } = await inputOf(context, run);
  const ids = new Map<string, number>();
  const instances = commands.filter(({ instance }) => instance > 0);
  await forgetWaiting(context, run, [...new Set(instances.map(({ key, instance }) => keyOfJob(key, instance)))]);
  for (let from = 0; from < commands.length; from += ROWS_PER_STATEMENT) {
    const rows = commands.slice(from, from + ROWS_PER_STATEMENT).map((command) => ({
      ...rowOfJob(run, { ...command, name: command.displayName, matrix: command.contexts.matrix }),
      iteration: command.iteration,
      execution: command.attempt,
      needs: JSON.stringify(command.plan.needs),
      state: 'queued' as const,
      waits: null,
      command: JSON.stringify(stored(command)),
      labels: JSON.stringify(command.runsOn.labels),
      policy: policyOf(command, exclusive),
      queued_at: now,
    }));
    const made = await db
      .insertInto('job')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['run_id', 'run_attempt', 'key'])
          .doUpdateSet((set) => ({
            name: set.ref('excluded.name'),
            needs: set.ref('excluded.needs'),
            state: set.ref('excluded.state'),
            waits: null,
            command: set.ref('excluded.command'),
            labels: set.ref('excluded.labels'),
            policy: set.ref('excluded.policy'),
            queued_at: set.ref('excluded.queued_at'),
          }))
          .where('job.state', '=', 'waiting'),
      )
      .returning(['id', 'key'])
      .execute();
    for (const { id, key } of made) ids.set(key, id);
  }
  const { groups, asker } = await readAccess(context, run.id);
  const { isolateUntrusted } = context.settings;
  for (const command of commands) {
    const { labels, group } = command.runsOn;
    const jobId = ids.get(command.key);
    if (jobId === undefined) throw new RangeError(`the job ${command.key} of run ${run.id} has no row`);
    const policy = policyOf(command, exclusive);
    const features = neededFeatures(command.plan);
    const access = accessLabel(groups, asker, group, isolateUntrusted);
    const wanted = { labels, group, access, features };
    await enqueueAttempt(context, { jobId, runId: run.id, ...wanted, priority: run.priority, policy });
  }
  const at = isoTime(now);
  const queued = commands.map(({ key, id, displayName }): RunEvent => ({
    type: 'job-queued',
    at,
    job: key,
    id,
    name: displayName,
  }));
  await emitAll(context, run.id, queued);
}

function stored(command: StartJob): StoredCommand {
  if (command.key.includes('@')) return command;
  // JSON has no undefined.
  const rest = { ...command, plan: undefined, env: undefined, defaults: undefined };
  return rest as unknown as StoredCommand;
}

/** `exclusive`: ids of jobs, which stand for what they call too. */
function policyOf({ id }: StartJob, exclusive: readonly string[]): 'exclusive' | 'at-most-once' {
  const named = exclusive.some((name) => name === '*' || id === name || id.startsWith(`${name}.`));
  return named ? 'exclusive' : 'at-most-once';
}
