import type { CancelJob, FlowCommand, FlowEvent, StartJob } from '../../flow/flow-event.ts';
import type { OperationContext } from '../operation.ts';
import { requestCancel } from '../dispatch/request-cancel.ts';
import { completeRun } from './complete-run.ts';
import { acquireGroup, releaseGroup } from './groups.ts';
import { clearTimer, setTimer } from './flow-timers.ts';
import { concludeJob, keepJob, settleJob } from './job-rows.ts';
import { showPaused } from './pause-run.ts';
import type { RunRow } from './run-row.ts';
import { startJobs } from './start-jobs.ts';
import { tellRun } from './tell-run.ts';
import { showWaiting } from './waiting-jobs.ts';

/** What a run is to be told because of something that was done. */
export interface Answer {
  readonly run: number;
  readonly event: FlowEvent;
}

/**
 * Does what flow says. Everything of this run that is written comes first: cancelling a job that nobody has begun, and
 * the answers of groups, tell runs more, this one among them, and that has to come after.
 */
export async function carryOut(
  context: OperationContext,
  run: RunRow,
  commands: readonly FlowCommand[],
): Promise<void> {
  const answers: Answer[] = [];
  const cancels: CancelJob[] = [];
  let starts: StartJob[] = [];
  // The row is as it was before the commands.
  let { paused } = run;
  const flush = async (): Promise<void> => {
    await startJobs(context, run, starts);
    starts = [];
  };
  for (const command of commands) {
    if (command.kind === 'start-job') {
      starts.push(command);
      continue;
    }
    if (command.kind === 'cancel-job') {
      cancels.push(command);
      continue;
    }
    await flush();
    switch (command.kind) {
      case 'job-settled':
        await settleJob(context, run, command);
        break;
      case 'job-kept':
        await keepJob(context, run, command.key);
        break;
      case 'acquire-group':
        answers.push(...(await acquireGroup(context, run, command)));
        break;
      case 'release-group':
        answers.push(...(await releaseGroup(context, run, command)));
        break;
      case 'job-concluded':
        await concludeJob(context, run, command);
        break;
      case 'job-waits':
        await showWaiting(context, run, command);
        break;
      case 'set-timer':
        await setTimer(context, { ...run, paused }, command);
        break;
      case 'clear-timer':
        await clearTimer(context, run, command);
        break;
      case 'run-paused':
        await showPaused(context, run.id, command.paused);
        paused = command.paused ? 1 : 0;
        break;
      case 'run-completed':
        await completeRun(context, run, command.conclusion);
        break;
    }
  }
  await flush();
  for (const { key, cause } of cancels) await cancelJob(context, run, key, cause);
  for (const { run: other, event } of answers) await tellRun(context, other, event);
}

async function cancelJob(
  context: OperationContext,
  run: RunRow,
  key: string,
  cause: CancelJob['cause'],
): Promise<void> {
  const row = await context.db
    .selectFrom('job')
    .select('attempt_id')
    .where('run_id', '=', run.id)
    .where('run_attempt', '=', run.attempt)
    .where('key', '=', key)
    .executeTakeFirst();
  const attemptId = row?.attempt_id ?? null;
  if (attemptId !== null) await requestCancel(context, { attemptId, cause, force: false });
}
