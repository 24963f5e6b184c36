import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { Ended } from './iteration-state.ts';

/**
 * ```
 * pending ──enough arrivals──► open ──its last iteration ended, and no other can come──► settled
 *    ▲ └── condition false, never enough arrivals, a key that cannot be evaluated ──────────▲ │
 *    └──────────────────────────────── a jump back ───────────────────────────────────────────┘
 * ```
 */
export interface JobState {
  readonly scope: string;
  readonly id: string;
  /** Index into the jobs of the plan. */
  readonly index: number;
  readonly phase: 'pending' | 'open' | 'settled';
  /** In declared order; the path is null where the options leave the needed job out. */
  readonly needs: readonly { readonly id: string; readonly path: string | null }[];
  /** What it names as needs, and has come to its end before it could begin: there to be read. Like `needs`. */
  readonly reads: JobState['needs'];
  /** How many of its needs are not settled. */
  readonly waiting: number;
  /** Paths that wait for this job. */
  readonly dependants: readonly string[];
  /** Paths that look at where this job is: milestones, and later stages. */
  readonly watchers: readonly string[];
  /** Iterations so far, those before a jump back included. */
  readonly iterations: number;
  /** Iterations since the last jump back. */
  readonly begun: number;
  /** Iterations that have not ended. */
  readonly live: number;
  /** Iterations from before a jump back that are still to end; until then it is not begun anew. */
  readonly dying: number;
  /** Keys of iterations that wait before their start. */
  readonly gated: readonly string[];
  readonly arrivals: Rounds;
  /** Whether an iteration has succeeded; `ignored`: only with failures that are ignored. */
  readonly succeeded: 'no' | 'ignored' | 'yes';
  /** Needs with a success. */
  readonly successes: number;
  /** Needs that are settled without one. */
  readonly hopeless: number;
  /** Paths of needs whose choice left this job out. */
  readonly untaken: readonly string[];
  readonly jumps: number;
  /** Names of the races that its iterations have won since the last jump back; null for none. */
  readonly won: readonly string[] | null;
  /** A jump has come: it begins without waiting for its needs. */
  readonly jump: Jump | null;
  /** Keys of the newest iteration, in order. */
  readonly instances: readonly string[];
  /** Dependants go on already, as if it had succeeded. */
  readonly told: boolean;
  /** Null until it is settled, or `told`. Of several iterations the worst. */
  readonly result: JobConclusion | null;
  readonly reason: Reason | null;
  /** What it came to before jumps back. */
  readonly past: readonly JobConclusion[];
  /** It is to end like this, and begins no more. */
  readonly fate: Ended | null;
  /** The worst of its iterations since the last jump back. */
  readonly soFar: Ended | null;
  /** Of its iterations so far: the last one that completed with a value wins. */
  readonly outputs: JsonMap;
  /** What `success()` and `failure()` of a dependant see: this job and everything before it. Set when it is settled. */
  readonly lineage: Lineage;
}

/** Field by field: five times as fast as a spread, and most of what an event costs is copies. */
export function copyJob(job: JobState): JobState {
  return {
    scope: job.scope,
    id: job.id,
    index: job.index,
    phase: job.phase,
    needs: job.needs,
    reads: job.reads,
    waiting: job.waiting,
    dependants: job.dependants,
    watchers: job.watchers,
    iterations: job.iterations,
    begun: job.begun,
    live: job.live,
    dying: job.dying,
    gated: job.gated,
    arrivals: job.arrivals,
    succeeded: job.succeeded,
    successes: job.successes,
    hopeless: job.hopeless,
    untaken: job.untaken,
    jumps: job.jumps,
    won: job.won,
    jump: job.jump,
    instances: job.instances,
    told: job.told,
    result: job.result,
    reason: job.reason,
    past: job.past,
    fate: job.fate,
    soFar: job.soFar,
    outputs: job.outputs,
    lineage: job.lineage,
  };
}

export interface Jump {
  /** Id of the job that jumped. */
  readonly from: string;
  readonly with: JsonMap;
}

/** For joins that begin more than once: where they are in their rounds of arrivals. */
export interface Rounds {
  /** The one that goes on, from 1. */
  readonly round: number;
  /** The last of which something has come. */
  readonly last: number;
  /** The round has begun the job already. */
  readonly isFired: boolean;
  /** Needs that have ended and bring nothing to it. */
  readonly gone: number;
}

/** What is known of a round that is not over. */
export interface RoundState {
  readonly came: number;
  /** How many of them were successes. */
  readonly good: number;
  /** Needs that have ended, and of which this is the first round that misses them. */
  readonly gone: number;
}

export interface Arrival {
  /** Path of the need. */
  readonly need: string;
  /** Id of the need. */
  readonly id: string;
  readonly result: JobConclusion;
  readonly isSuccess: boolean;
  readonly outputs: JsonMap;
}

export interface Lineage {
  /** All succeeded: none failed, was cancelled or was skipped. */
  readonly success: boolean;
  /** At least one failed. */
  readonly failure: boolean;
  /** At least one was cancelled. */
  readonly cancelled: boolean;
}
