import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { ProcessHost, StopLadder } from '../process/running-process.ts';
import type { StepLog } from './step-log.ts';

/** The `steps` context: by id, what was committed so far. Generated ids are not in it. */
export interface StepsContext {
  readonly [id: string]: { readonly outputs: JsonMap; readonly outcome: string; readonly conclusion: string };
}

/**
 * What a step may read while it runs. `env`, `path` and the contexts were taken when the step was reached and stay;
 * `steps` was taken when it got its slot.
 */
export interface StepScope {
  /** Job environment, `GITHUB_ENV` so far and the step's own `env`, in that order of precedence. */
  readonly env: ReadonlyMap<string, string>;
  /** Directories put before PATH, first searched first. */
  readonly path: readonly string[];
  /** Every context for expressions by name (`github`, `steps`, `env`, `job`, `matrix`, …), `null` where it is empty. */
  readonly contexts: Readonly<Record<string, Json>>;
  /** Composite actions: the status that `success()` and `failure()` look at; the job's otherwise. */
  readonly status: JobStatus;
  /** Live, and the job's also inside a composite action: what `cancelled()` and `job.status` look at. */
  readonly jobStatus: () => JobStatus;
  readonly log: StepLog;
  /** Ask the step to end: its process walks the ladder. `signal.reason` is a `Cancellation`. */
  readonly signal: AbortSignal;
  /** Skip what is left of the ladder. Aborted after `signal`, never before. */
  readonly kill: AbortSignal;
  readonly ladder: StopLadder;
  readonly processes: ProcessHost;
  /** Unique within the job, for file names and the tracking variable: `7`, or `7.2` for step 2 inside a composite. */
  readonly key: string;
}

export type JobStatus = 'success' | 'failure' | 'cancelled';
