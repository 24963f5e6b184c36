import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { FlowWish } from '../protocol/flow-plan.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { AroundPhase } from './flow-state.ts';
import type { Arrival, Jump } from './job-state.ts';

/** A job that was begun. Its key is that of the job, with `~2` from the second on. */
export interface IterationState {
  readonly job: string;
  readonly number: number;
  readonly stage: IterationStage;
  readonly strategy: { readonly failFast: boolean; readonly maxParallel: number | null };
  /** Keys, in order. */
  readonly instances: readonly string[];
  /** Instances that have not ended. */
  readonly open: number;
  /** Instances that have a place of `max-parallel`. */
  readonly active: number;
  /** How many of the instances were started, or ended before. */
  readonly started: number;
  readonly tally: Readonly<Record<JobConclusion, number>>;
  /** A failure of an instance was ignored. */
  readonly ignored: boolean;
  readonly outputs: JsonMap;
  /** What it was begun by, where the join tells arrivals apart. */
  readonly arrivals: readonly Arrival[] | null;
  readonly jump: Jump | null;
  readonly signal: JsonMap | null;
  /** Of a loop: the round, and its variables. */
  readonly round: { readonly number: number; readonly vars: JsonMap };
  /** Dependants were told of its end before it: `sync: false`, `complete-when`. */
  readonly told: JobConclusion | null;
  /** Dependants were told of arrivals of it that its end does not tell of. */
  readonly emitted: boolean;
  /** Takes no more instances. */
  readonly closed: boolean;
  /** What its main part came to; null also where it has failed before it could start. */
  readonly main: Ended | null;
  /** What it comes to, whatever is still to run around it. */
  readonly outcome: Ended | null;
  /** It is to end like this. */
  readonly fate: Ended | null;
  /** The host knows of its end, of which no worker reports. */
  readonly announced: boolean;
  /** Something of it ran: what cleans up after it has something to do. */
  readonly ran: boolean;
  /** Belongs to a time before a jump back: its end counts for nothing. */
  readonly superseded: boolean;
  readonly goto: FlowWish['goto'];
}

/** See `copyJob`. */
export function copyIteration(iteration: IterationState): IterationState {
  return {
    job: iteration.job,
    number: iteration.number,
    stage: iteration.stage,
    strategy: iteration.strategy,
    instances: iteration.instances,
    open: iteration.open,
    active: iteration.active,
    started: iteration.started,
    tally: iteration.tally,
    ignored: iteration.ignored,
    outputs: iteration.outputs,
    arrivals: iteration.arrivals,
    jump: iteration.jump,
    signal: iteration.signal,
    round: iteration.round,
    told: iteration.told,
    emitted: iteration.emitted,
    closed: iteration.closed,
    main: iteration.main,
    outcome: iteration.outcome,
    fate: iteration.fate,
    announced: iteration.announced,
    ran: iteration.ran,
    superseded: iteration.superseded,
    goto: iteration.goto,
  };
}

export interface Ended {
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
}

/** `gates`: it waits, see `gate`; `-1` when it has passed them. */
export type IterationStage =
  | { readonly kind: 'gates'; readonly gate: number; readonly waits: boolean }
  | { readonly kind: 'main' }
  | { readonly kind: 'around'; readonly phase: AroundPhase }
  | { readonly kind: 'delay-after' }
  | { readonly kind: 'ended' };
