import { causeOf } from '../kernel/cancellation.ts';
import { conditionHolds, reachStep, type ReachedStep, type ReadyStep } from './reach-step.ts';
import { endByInternalError } from './internal-error.ts';
import { finishReached } from './run-step.ts';
import { plainEnd, type StepEnd } from './step-end.ts';
import type { StepTask } from './step-frame.ts';
import type { StepLog } from './step-log.ts';
import type { StepRecord } from './step-record.ts';
import { StepStop } from './step-stop.ts';
import type { ForegroundOptions } from './steps-runner-options.ts';

/**
 * Runs foreground steps of a job, one at a time: main steps, pre and post stages, hooks. Commits each when it has
 * ended.
 */
export class ForegroundRunner {
  readonly #options: ForegroundOptions;

  constructor(options: ForegroundOptions) {
    this.#options = options;
  }

  /**
   * `publishAs`: its id in the `steps` context; null for what is no main step. Never rejects for what a step does or for
   * what a handler throws.
   */
  async run(record: StepRecord, task: StepTask, publishAs: string | null): Promise<StepEnd> {
    const { frame } = this.#options;
    const end = await this.#end(record, task);
    frame.state.commit(publishAs, end);
    frame.state.fold(end.conclusion);
    record.completed(end);
    return end;
  }

  async #end(record: StepRecord, task: StepTask): Promise<StepEnd> {
    const { frame, kill, openLog } = this.#options;
    if (kill.aborted) return NOT_STARTED;
    const reachedAt = frame.clock.now();
    let log: StepLog | null = null;
    try {
      const reached = await reachNow(task, this.#options);
      record.rename(reached.name);
      if (isAborted(kill)) return NOT_STARTED;
      if (reached.kind === 'skipped') return plainEnd('skipped', 'condition');
      record.started(reachedAt);
      log = openLog(record, record.annotate);
      return await this.#run(record, reached, task, log);
    } catch (error) {
      return endByInternalError(error, record, log);
    }
  }

  async #run(
    record: StepRecord,
    reached: Exclude<ReachedStep, { kind: 'skipped' }>,
    task: StepTask,
    log: StepLog,
  ): Promise<StepEnd> {
    const { frame, cancel, kill } = this.#options;
    const stop = new StepStop(null, kill);
    const onStop = (): void => record.cancelling();
    const onCancel = (): void => {
      frame.state.cancel();
      if (reached.kind === 'ready') void this.#askUnlessWanted(reached, stop);
    };
    stop.signal.addEventListener('abort', onStop, { once: true });
    if (cancel.aborted) onCancel();
    else cancel.addEventListener('abort', onCancel, { once: true });
    try {
      return await finishReached(reached, task, { frame, key: String(record.number), log, stop });
    } finally {
      cancel.removeEventListener('abort', onCancel);
      stop.signal.removeEventListener('abort', onStop);
      stop.dispose();
    }
  }

  /** The job was cancelled under a running step: it stays if its condition holds all the same (runner-behaviour 2.4). */
  async #askUnlessWanted(step: ReadyStep, stop: StepStop): Promise<void> {
    const { frame, cancel } = this.#options;
    let wanted: boolean;
    try {
      wanted = await conditionHolds(step.task.condition, step.contexts, frame);
    } catch {
      // A condition that cannot be evaluated any more does not hold.
      wanted = false;
    }
    if (!wanted) stop.ask(causeOf(cancel));
  }
}

/** The job was killed before this step was reached. */
export const NOT_STARTED: StepEnd = plainEnd('skipped', 'job-cancelled');

/** Reaches a step with the status as it is when that is done: a cancellation may come while hashes are computed. */
export async function reachNow(
  task: StepTask,
  { frame, cancel }: Pick<ForegroundOptions, 'frame' | 'cancel'>,
): Promise<ReachedStep> {
  for (;;) {
    if (cancel.aborted) frame.state.cancel();
    const { status } = frame.state;
    const reached = await reachStep(task, frame);
    if (cancel.aborted) frame.state.cancel();
    if (frame.state.status === status) return reached;
  }
}

/** For a second look after an await, which the compiler takes for the first one. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
