import type { ApiResult } from '../../protocol/api-error.ts';
import type { RunRequest } from './ask-run.ts';
import type { DueSchedule } from './schedule-operations.ts';
import type { RunSummary, RunView, SubmitReply, SubmitRequest } from '../../protocol/run-api.ts';

export interface RunFilter {
  readonly repository?: string;
  readonly state?: RunSummary['state'];
  readonly event?: string;
  /** As stored: a full ref, or a branch. */
  readonly ref?: string;
  /** Id of the last run that was seen. */
  readonly cursor?: number;
  readonly limit: number;
}

/** Who submits a run. */
export interface Submitter {
  /** The token's: `github.actor` of the run. */
  readonly name: string;
  /** As audited: `NAME (token 3)`. */
  readonly actor: string;
}

/** What people ask of runs. `actor`: who asks, for the run and the audit. */
export interface RunService {
  submit(request: SubmitRequest, submitter: Submitter, signal: AbortSignal): Promise<ApiResult<SubmitReply>>;
  /** Newest first; `cursor` null at the end. */
  list(filter: RunFilter): Promise<ApiResult<{ runs: RunSummary[]; cursor: number | null }>>;
  /** `attempt`: of the run; null for the last. */
  show(run: number, attempt: number | null): Promise<ApiResult<RunView>>;
  /** `body` is a RunEvent as text. `completed`: the run has ended and nothing follows. */
  events(
    run: number,
    after: number,
    limit: number,
  ): Promise<ApiResult<{ events: { id: number; body: string }[]; completed: boolean }>>;
  cancel(run: number, options: { readonly force: boolean }, actor: string): Promise<ApiResult<RunSummary>>;
  /** Of a run that goes on: signals, instances, the end of one job, a pause. */
  ask(request: RunRequest): Promise<ApiResult<RunSummary>>;
  /** Of a run that has ended. `failed`: what failed or was cancelled, and what depends on it. */
  rerun(run: number, what: 'all' | 'failed', actor: string): Promise<ApiResult<RunSummary>>;
  /** Reads the schedules of a repository's default branch anew. */
  refreshSchedules(repository: string, actor: string, signal: AbortSignal): Promise<ApiResult<{ schedules: number }>>;
  /** Runs what a schedule asks for, once for its time. For the {@link Scheduler}. */
  runSchedule(due: DueSchedule, signal: AbortSignal): Promise<ApiResult<SubmitReply>>;
}
