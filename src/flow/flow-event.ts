import type { JobConclusion, Reason, RunConclusion } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { FlowRequest, FlowWish } from '../protocol/flow-plan.ts';
import type { RunDefaults, StepsJobPlan, TemplateMap } from '../protocol/plan.ts';
import type { GroupRequest } from './instance-state.ts';
import type { SecretsLayer } from './resolve-secrets.ts';

/** What happened. An event that does not fit the state (a job that is not running, a second delivery) changes nothing. */
export type FlowEvent =
  | {
      readonly kind: 'job-completed';
      readonly key: string;
      /** As the worker reports it; `continue-on-error` of the job is applied here. */
      readonly conclusion: JobConclusion;
      readonly reason: Reason | null;
      readonly outputs: JsonMap;
      /** What it asks for beyond; absent for nothing. */
      readonly wish?: FlowWish;
    }
  | {
      /** A worker has begun with it. */
      readonly kind: 'job-started';
      readonly key: string;
    }
  | {
      /** A timer of `set-timer` is over. */
      readonly kind: 'timer-fired';
      readonly id: string;
    }
  | {
      /**
       * Somebody asks something of the run: a step of it (`by` is its job's key), or a person through the API. An id that
       * was seen before changes nothing. What cannot be done is refused, see `FlowStep.refused`.
       */
      readonly kind: 'requested';
      readonly id: string;
      readonly by: { readonly job: string } | { readonly user: string };
      readonly request: FlowRequest | PersonRequest;
    }
  | {
      /**
       * Ends the run as a user does: what did not start is cancelled and what runs is asked to end, but for jobs whose
       * `if` holds in a cancelled run, such as `always()`. `force` spares none.
       */
      readonly kind: 'cancel';
      /** `stuck`: nothing runs, and nobody is there who could let it go on. */
      readonly cause: 'user' | 'concurrency' | 'stuck';
      readonly force: boolean;
    }
  | {
      /** It is the turn of who asked for the group. `key`: of an instance, or '' for the run itself. */
      readonly kind: 'group-granted';
      readonly key: string;
      readonly group: string;
    }
  | {
      /** Who asked for the group does not get it: at once, or because a newer one took its place. */
      readonly kind: 'group-refused';
      readonly key: string;
      readonly group: string;
      readonly conclusion: 'failure' | 'cancelled';
      /** A sentence. */
      readonly message: string;
    }
  | {
      /** Who holds a group is to end for one that is newer. */
      readonly kind: 'group-wanted';
      readonly key: string;
    };

/** What only comes from outside. */
export type PersonRequest =
  /** Nothing more starts; what runs goes on. */
  { readonly kind: 'pause' } | { readonly kind: 'resume' };

/** `withdrawn`: the flow of the run made the job needless. */
export type CancelJobCause = 'user' | 'fail-fast' | 'concurrency' | 'withdrawn';

/** What ends a part of a run. */
export type CancelCause = CancelJobCause | 'stuck' | 'run-limit';

/** What the host has to do, in this order. */
export type FlowCommand =
  | StartJob
  | CancelJob
  | JobSettled
  | JobConcluded
  | JobWaits
  | JobKept
  | AcquireGroup
  | ReleaseGroup
  | SetTimer
  | ClearTimer
  | RunPaused
  | RunCompleted;

/** Run the job; answer with one `job-completed`. */
export interface StartJob {
  readonly kind: 'start-job';
  readonly key: string;
  /** The job's id, after those of its callers: `build`, `caller.build`, `caller.2.build`. */
  readonly id: string;
  /** 0 without a matrix, else from 1. */
  readonly instance: number;
  /** From 1: how many times the job was begun, by a jump, a round of arrivals or an arrival. */
  readonly iteration: number;
  /** From 1: executions of this iteration, by `retry`. */
  readonly attempt: number;
  /** Index of the job's workflow in the input. */
  readonly workflow: number;
  readonly plan: StepsJobPlan;
  /** With the names of its callers: `release / build (linux)`. */
  readonly displayName: string;
  readonly contexts: {
    readonly needs: JsonMap;
    readonly strategy: JsonMap;
    readonly matrix: JsonMap | null;
    readonly inputs: JsonMap;
    /** Variables and `index` (from 0) of the loop around it; null outside of one. */
    readonly loop: JsonMap | null;
    /**
     * `{iteration, attempt, from, with, signal, state}`: the job that jumped here or null, what it came with, the signal
     * that was waited for (`{name, data, by}`) or null, and what an earlier attempt left.
     */
    readonly flow: JsonMap;
  };
  /** From the outside in, not yet evaluated. */
  readonly env: readonly TemplateMap[];
  readonly defaults: readonly RunDefaults[];
  /** Null for no limit. */
  readonly timeoutMinutes: number | null;
  readonly continueOnError: boolean;
  readonly runsOn: RunsOn;
  /** Name of the deployment environment, or null. */
  readonly environment: string | null;
  /** How its secrets come from those of the run; see `resolveSecrets`. Empty: they are the same. */
  readonly secrets: readonly SecretsLayer[];
}

export interface RunsOn {
  readonly labels: readonly string[];
  readonly group: string | null;
}

/** Ask a started job to end. Sent once for a job; `job-completed` is still to come. */
export interface CancelJob {
  readonly kind: 'cancel-job';
  readonly key: string;
  readonly cause: CancelJobCause;
}

/** A job that is over without having been started: skipped, cancelled, or failed because a key could not be evaluated. */
export interface JobSettled {
  readonly kind: 'job-settled';
  readonly key: string;
  readonly id: string;
  readonly instance: number;
  readonly name: string;
  readonly matrix: JsonMap | null;
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
  /** A sentence for people, where there is more to say than the reason. */
  readonly message: string | null;
}

/** A job that was started and counts for something else than its worker reported. */
export interface JobConcluded {
  readonly kind: 'job-concluded';
  readonly key: string;
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
  /** A sentence for people, where there is more to say than the reason. */
  readonly message: string | null;
}

/** A job that could start but for what it waits for. Said again when that changes; over with its start or its end. */
export interface JobWaits {
  readonly kind: 'job-waits';
  readonly key: string;
  readonly id: string;
  readonly instance: number;
  readonly name: string;
  readonly matrix: JsonMap | null;
  readonly for: WaitsFor;
}

export type WaitsFor =
  | {
      readonly kind: 'signal';
      readonly names: readonly string[];
      /** Users who may send it; empty: everybody who may send signals. */
      readonly from: readonly string[];
    }
  | { readonly kind: 'milestone'; readonly job: string; readonly state: string }
  /** `holder`: the key of the job that has the lock. */
  | { readonly kind: 'lock'; readonly lock: string; readonly holder: string }
  /** `start-at`, `retry`, `delay-before`. */
  | { readonly kind: 'time'; readonly why: 'start-at' | 'retry' | 'delay' }
  /** For instances that are added. */
  | { readonly kind: 'instances' };

/** Answered with `timer-fired`, once, however often the host is started anew. Exactly one of the two times is set. */
export interface SetTimer {
  readonly kind: 'set-timer';
  /** Unique in the run. */
  readonly id: string;
  /** Milliseconds from now. */
  readonly afterMs: number | null;
  /** Milliseconds since the epoch; in the past: at once. */
  readonly at: number | null;
}

export interface ClearTimer {
  readonly kind: 'clear-timer';
  readonly id: string;
}

export interface RunPaused {
  readonly kind: 'run-paused';
  readonly paused: boolean;
}

/** A job that ended in an earlier attempt of the run and counts as it is: see `FlowOptions.earlier`. */
export interface JobKept {
  readonly kind: 'job-kept';
  readonly key: string;
}

/**
 * Ask for a concurrency group. Answered with `group-granted` or `group-refused`, now or later. Whoever is granted one
 * holds it until `release-group`.
 */
export interface AcquireGroup {
  readonly kind: 'acquire-group';
  /** Of an instance, or '' for the run itself. */
  readonly key: string;
  readonly request: GroupRequest;
}

/** Give a group back, or do not wait for it any more. Means nothing for who is not in the group. */
export interface ReleaseGroup {
  readonly kind: 'release-group';
  readonly key: string;
  readonly group: string;
}

/** Every job has its conclusion. Always the last command. */
export interface RunCompleted {
  readonly kind: 'run-completed';
  readonly conclusion: RunConclusion;
}
