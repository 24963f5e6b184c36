import type { StartJob } from '../../flow/flow-event.ts';
import type { RunEvent } from '../../protocol/events.ts';
import { enqueueAttempt } from '../dispatch/enqueue-attempt.ts';
import type { OperationContext } from '../operation.ts';
import { emitAll, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';
import { loadSubmission } from './run-spec.ts';

/** Of a `start-job`, what its workflow does not say. */
export type StoredCommand = Omit<StartJob, 'plan' | 'env' | 'defaults'>;

/** Databases limit the parameters of a statement. */
const ROWS_PER_STATEMENT = 200;

/** Puts jobs into the queue, in this order. */
export async function startJobs(context: OperationContext, run: RunRow, commands: readonly StartJob[]): Promise<void> {
  if (commands.length === 0) return;
  const { db, now } = context;
  const { exclusive } = await loadSubmission(context, run.submission_sha);
  const ids = new Map<string, number>();
  for (let from = 0; from < commands.length; from += ROWS_PER_STATEMENT) {
    const rows = commands.slice(from, from + ROWS_PER_STATEMENT).map((command) => ({
      run_id: run.id,
      run_attempt: run.attempt,
      key: command.key,
      job_id: command.id,
      instance: command.instance,
      name: command.displayName,
      matrix: command.contexts.matrix === null ? null : JSON.stringify(command.contexts.matrix),
      needs: JSON.stringify(command.plan.needs),
      state: 'queued' as const,
      outputs: '{}',
      command: JSON.stringify(stored(command)),
      labels: JSON.stringify(command.runsOn.labels),
      priority: run.priority,
      policy: policyOf(command, exclusive),
      attempt_no: 0,
      queued_at: now,
    }));
    for (const { id, key } of await db.insertInto('job').values(rows).returning(['id', 'key']).execute())
      ids.set(key, id);
  }
  for (const command of commands) {
    const { labels, group } = command.runsOn;
    const jobId = ids.get(command.key);
    if (jobId === undefined) throw new RangeError(`the job ${command.key} of run ${run.id} has no row`);
    const policy = policyOf(command, exclusive);
    await enqueueAttempt(context, { jobId, runId: run.id, labels, group, priority: run.priority, policy });
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
  return { ...command, plan: undefined, env: undefined, defaults: undefined } as StoredCommand;
}

/** `exclusive`: ids of jobs, which stand for what they call too. */
function policyOf({ id }: StartJob, exclusive: readonly string[]): 'exclusive' | 'at-most-once' {
  const named = exclusive.some((name) => name === '*' || id === name || id.startsWith(`${name}.`));
  return named ? 'exclusive' : 'at-most-once';
}
