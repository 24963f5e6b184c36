import type { JobConcluded } from '../../flow/flow-event.ts';
import { applyContinueOnError } from '../../flow/conclusions.ts';
import type { JobConclusion, Reason } from '../../protocol/conclusion.ts';
import type { FlowWish } from '../../protocol/flow-plan.ts';
import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';
import { readJobReport } from './job-report.ts';
import { emit, isoTime } from './run-events.ts';
import { lockRun } from './run-row.ts';
import type { StoredCommand } from './start-jobs.ts';
import { tellLocked } from './tell-run.ts';

export interface JobEnd {
  readonly jobId: number;
  readonly runId: number;
  /** As the worker reports it, or the server where it cannot. */
  readonly conclusion: JobConclusion;
  readonly reason: string | null;
  /** For people, where there is more to say than the reason. */
  readonly message?: string | null;
  readonly outputs: Readonly<Record<string, string>>;
  /** What it asks of the flow with its end. */
  readonly wish?: FlowWish;
  /** As reported, ISO 8601; default: when the server heard of it. */
  readonly startedAt?: string | null;
  readonly completedAt?: string | null;
}

/**
 * A job is over: what follows for the run happens in the same transaction, from jobs that start now to the run's end.
 * The steps are in their table already. Told twice, it changes nothing.
 */
export async function jobEnded(context: OperationContext, end: JobEnd): Promise<void> {
  const { now } = context;
  const { jobId, runId, outputs } = end;
  const run = await lockRun(context, runId);
  const [before] = await READ.execute(context, [jobId]);
  if (run === null || !before?.command || before.state === 'completed') return;
  const { key, continueOnError } = JSON.parse(before.command) as StoredCommand;
  const reported = { conclusion: end.conclusion, reason: end.reason as Reason | null };
  const shown = applyContinueOnError(reported, continueOnError);
  const wish = end.wish === undefined ? {} : { wish: end.wish };
  await tellLocked(context, run, { kind: 'job-completed', key, ...reported, outputs, ...wish }, async (commands) => {
    // The flow may count it for something else, such as a choice that could not be made.
    const concluded = commands.find(
      (command): command is JobConcluded => command.kind === 'job-concluded' && command.key === key,
    );
    const { conclusion, reason } = concluded ?? shown;
    const message = concluded?.message ?? end.message ?? null;
    const [job] = await END.execute(context, [conclusion, reason, message, JSON.stringify(outputs), now, jobId]);
    if (!job) throw new RangeError(`the job ${jobId} is gone`);
    context.note('job ended', { run: runId, job: jobId, key, attempt: job.attempt_id, conclusion, reason });
    const times = { startedAt: end.startedAt ?? null, completedAt: end.completedAt ?? isoTime(now) };
    const report = await readJobReport(context, job, times);
    await emit(context, runId, { type: 'job-completed', at: isoTime(now), job: key, report });
  });
}

const READ = new Statement((db, hole) => db.selectFrom('job').select(['state', 'command']).where('id', '=', hole()));
const END = new Statement((db, hole) =>
  db
    .updateTable('job')
    .set({ state: 'completed', conclusion: hole(), reason: hole(), message: hole() })
    .set({ outputs: hole(), completed_at: hole() })
    .where('id', '=', hole())
    .returningAll(),
);
