import type { CancelCause } from '../kernel/cancellation.ts';
import { continuesOnError, reachStep, type ReachedStep, type ReadyStep } from './reach-step.ts';
import { internalError } from './internal-error.ts';
import { annotation } from './own-annotation.ts';
import { liveContexts } from './step-contexts.ts';
import { ignoreFailure, plainEnd, type StepEnd } from './step-end.ts';
import type { StepFrame, StepTask } from './step-frame.ts';
import type { HandlerResult } from './step-handler.ts';
import type { StepLog } from './step-log.ts';
import type { StepStop } from './step-stop.ts';
import { ladderOf, untilWrittenOff } from './write-off.ts';

export interface StepSeat {
  readonly frame: StepFrame;
  /** See `StepScope.key`. */
  readonly key: string;
  readonly log: StepLog;
  readonly stop: StepStop;
}

/**
 * Runs one foreground step from its condition to its conclusion: for the inner steps of composite actions. What it
 * changed is in `effects`; committing it (and folding the conclusion into the status) is up to the caller, who owns the
 * state. Never rejects for what a step does.
 */
export async function runStep(task: StepTask, seat: StepSeat): Promise<StepEnd> {
  return finishReached(await reachStep(task, seat.frame), task, seat);
}

/** From a reached step to its end. */
export function finishReached(reached: ReachedStep, task: StepTask, seat: StepSeat): Promise<StepEnd> {
  switch (reached.kind) {
    case 'ready':
      return runReady(reached, seat);
    case 'skipped':
      return Promise.resolve(plainEnd('skipped', 'condition'));
    case 'problem':
      seat.log.annotate(annotation('error', reached.message));
      return afterContinueOnError(plainEnd('failure', 'condition-error'), task, reached.contexts, seat);
  }
}

/** Takes its seat: the time limit starts, `steps` is read, and the handler runs. */
export async function runReady(step: ReadyStep, seat: StepSeat): Promise<StepEnd> {
  const { frame, log, stop } = seat;
  const { task, timeLimit } = step;
  if (timeLimit.kind === 'problem')
    log.annotate(annotation('warning', `The step has no time limit. ${timeLimit.message}`));
  const stopTimer =
    timeLimit.kind === 'minutes'
      ? frame.clock.after(timeLimit.minutes * MS_PER_MINUTE, () => stop.ask('step-timeout'))
      : () => undefined;
  try {
    const ladder = ladderOf(task.plan, frame.ladder);
    const running = handle(step, seat);
    const ended = await untilWrittenOff(running, { stop, ladder, frame });
    const end = conclude(ended, step, seat);
    return await afterContinueOnError(end, task, step.contexts, seat);
  } finally {
    stopTimer();
  }
}

const MS_PER_MINUTE = 60_000;

/** A handler that throws has a bug; that must not take the rest of the job along. */
type Handled = HandlerResult | { readonly outcome: 'thrown'; readonly error: unknown };

async function handle(step: ReadyStep, { frame, key, log, stop }: StepSeat): Promise<Handled> {
  try {
    return await step.task.run({
      env: step.env,
      path: step.path,
      contexts: liveContexts(step.contexts, frame),
      status: frame.state.status,
      jobStatus: () => frame.state.jobStatus,
      log,
      signal: stop.signal,
      kill: stop.killSignal,
      ladder: ladderOf(step.task.plan, frame.ladder),
      processes: frame.processes,
      key,
    });
  } catch (error) {
    return { outcome: 'thrown', error };
  }
}

/** Turns what the handler says, and who asked it to end, into an outcome. */
function conclude(ended: Handled | 'written-off', step: ReadyStep, seat: StepSeat): StepEnd {
  const { log, stop } = seat;
  if (ended === 'written-off') {
    log.annotate(
      annotation(
        'error',
        `The step '${step.name}' was asked to end and did not, not even when its processes were killed. It was given up.`,
      ),
    );
    return { ...stoppedEnd(stop.cause, step, log), reason: 'stop-timed-out' };
  }
  if (ended.outcome === 'thrown') return internalError(ended.error, log);
  const { reason, exitCode, signal, effects, summary } = ended;
  if (ended.outcome !== 'stopped')
    return { outcome: ended.outcome, conclusion: ended.outcome, reason, exitCode, signal, effects, summary };
  return { ...stoppedEnd(stop.cause, step, log), exitCode, signal, effects, summary };
}

function stoppedEnd(cause: CancelCause | null, step: ReadyStep, log: StepLog): StepEnd {
  switch (cause) {
    case null:
      return internalError(new Error('it stopped although nobody had asked it to'), log);
    case 'step-timeout': {
      // Without a limit of its own it is the composite action around it that ran out of time, and says so.
      if (step.timeLimit.kind !== 'minutes') return plainEnd('failure', 'timed-out');
      const { minutes } = step.timeLimit;
      const unit = minutes === 1 ? 'minute' : 'minutes';
      log.annotate(annotation('error', `The step '${step.name}' has timed out after ${String(minutes)} ${unit}.`));
      return plainEnd('failure', 'timed-out');
    }
    case 'cancel-step':
      log.line('Cancelled by a cancel step.');
      return plainEnd('cancelled', 'cancelled-by-step');
    case 'user':
    case 'fail-fast':
    case 'concurrency':
    case 'withdrawn':
    case 'job-timeout':
    case 'drained':
    case 'shutdown':
      log.line('Cancelled with the job.');
      return plainEnd('cancelled', 'job-cancelled');
  }
}

async function afterContinueOnError(
  end: StepEnd,
  task: StepTask,
  contexts: ReadyStep['contexts'],
  { frame, log }: StepSeat,
): Promise<StepEnd> {
  if (end.outcome !== 'failure') return end;
  const continues = await continuesOnError(task.plan.continueOnError, contexts, frame, (message) =>
    log.annotate(annotation('error', message)),
  );
  return continues ? ignoreFailure(end) : end;
}
