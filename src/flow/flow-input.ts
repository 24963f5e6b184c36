import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { WorkflowPlan } from '../protocol/plan.ts';
import type { SignalState } from './flow-state.ts';

/** Everything a run is decided by. Plain JSON; holds no secret's value. */
export interface FlowInput {
  /** The first one is run; the others are called by it or by each other. */
  readonly workflows: readonly WorkflowPlan[];
  /** `uses` of a job, as written, to the index of the called workflow in `workflows`. */
  readonly calls: Readonly<Record<string, number>>;
  readonly contexts: {
    readonly github: JsonMap;
    readonly inputs: JsonMap;
    readonly vars: JsonMap;
  };
  readonly options: FlowOptions;
}

export interface FlowOptions {
  /** Id of the only job of the first workflow to run; null runs all. An id that does not exist is refused by `start`. */
  readonly job: string | null;
  /** Whether `job` brings along what it needs. If not, those count as successful, without outputs. */
  readonly withNeeds: boolean;
  /**
   * Of a matrix that has `key`, only the instances whose value, as text, is among those given for it. Numbers and
   * contexts of the instances stay what they are without the filter.
   */
  readonly matrix: readonly { readonly key: string; readonly value: string }[];
  /**
   * How jobs ended in an earlier attempt of the same run, by key of an instance: they are not started again. By path, of
   * jobs that are kept as a whole: those wait for nothing before their start, and gates among them give what they gave.
   * Everything else happens as if they had run now.
   */
  readonly earlier: Readonly<Record<string, EarlierResult>>;
  /** What else an earlier attempt leaves to a re-run of what failed; absent without one. */
  readonly left?: Left;
}

export interface Left {
  /** That nobody has consumed, oldest first. */
  readonly signals: readonly SignalState[];
  /** By key: iterations that came past their milestone. What they waited for may be over, and not come again. */
  readonly milestones: Readonly<Record<string, true>>;
  /** By path, of dynamic jobs that are kept: the matrices of all instances. */
  readonly matrices: Readonly<Record<string, readonly (JsonMap | null)[]>>;
}

export interface EarlierResult {
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
  readonly outputs: JsonMap;
}

export const RUN_EVERYTHING: FlowOptions = { job: null, withNeeds: true, matrix: [], earlier: {} };
