import type { RunConclusion } from '../protocol/conclusion.ts';

/** The words that people see for where a job is. */
export type ShownStatus =
  | 'pending'
  | 'queued'
  | 'waiting'
  | 'running'
  | 'success'
  | 'failure'
  | 'failure-ignored'
  | 'skipped'
  | 'cancelled'
  | 'withdrawn';

/** A run as it stands, for people and for tests. */
export interface ShownFlow {
  readonly run: 'pending' | 'running' | 'paused' | RunConclusion;
  /** In declared order, bodies of loops, called workflows and the jobs around a job with it. */
  readonly jobs: readonly ShownJob[];
  /** Signals that nobody has consumed yet, oldest first. */
  readonly signals: readonly { readonly name: string; readonly job: string | null }[];
}

export interface ShownJob {
  /** `build`, `caller.build`, `deploy@after.smoke`, `poll@3.look` (the third round of a loop). */
  readonly path: string;
  readonly status: ShownStatus;
  readonly reason: string | null;
  /** How many times it was begun. */
  readonly iteration: number;
  /** Of the newest iteration, in order; one without a number where there is no matrix. */
  readonly instances: readonly { readonly key: string; readonly status: ShownStatus }[];
}
