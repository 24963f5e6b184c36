import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { CancelJobCause, RunsOn } from './flow-event.ts';
import type { Ended } from './iteration-state.ts';
import type { SecretsLayer } from './resolve-secrets.ts';

export interface InstanceState {
  readonly job: string;
  /** 0 without a matrix, else from 1. */
  readonly number: number;
  readonly name: string;
  readonly matrix: JsonMap | null;
  readonly strategy: JsonMap;
  /** Key of its iteration. */
  readonly iteration: string;
  /** From 1. */
  readonly attempt: number;
  /** What an earlier attempt left. */
  readonly carried: JsonMap;
  readonly settings: InstanceSettings;
  /** How many of the groups in the settings it holds; it takes them in order. */
  readonly groupsHeld: number;
  readonly status: InstanceStatus;
}

/** See `copyJob`. */
export function copyInstance(instance: InstanceState): InstanceState {
  return {
    job: instance.job,
    number: instance.number,
    name: instance.name,
    matrix: instance.matrix,
    strategy: instance.strategy,
    iteration: instance.iteration,
    attempt: instance.attempt,
    carried: instance.carried,
    settings: instance.settings,
    groupsHeld: instance.groupsHeld,
    status: instance.status,
  };
}

/** The job's keys as evaluated for one instance; `none` when that failed, and the instance with it. */
export type InstanceSettings =
  | { readonly kind: 'none'; readonly groups: readonly [] }
  /** Of a gate or a loop: there only to have the groups. */
  | { readonly kind: 'body'; readonly groups: readonly GroupRequest[] }
  | {
      readonly kind: 'steps';
      readonly groups: readonly GroupRequest[];
      readonly runsOn: RunsOn;
      readonly environment: string | null;
      readonly timeoutMinutes: number | null;
      readonly continueOnError: boolean;
    }
  | {
      readonly kind: 'call';
      readonly groups: readonly GroupRequest[];
      readonly workflow: number;
      readonly inputs: JsonMap;
      readonly secrets: readonly SecretsLayer[];
    };

export interface GroupRequest {
  /** In lower case: names are compared without regard to case. */
  readonly group: string;
  readonly cancelInProgress: boolean;
  /** True: waits behind others. False: replaces whoever waits. */
  readonly queue: boolean;
  /** Of this run alone, which keeps it as a lock of its own. */
  readonly ofRun?: true;
  /** How many may hold it at a time; absent for one. */
  readonly limit?: number;
}

/**
 * ```
 * waiting ──slot──► launching ──groups──► running | calling ──► settled
 *    └──────────cancel──────┴─────────────────────────────────────▲
 * ```
 * `waiting` for one of the job's `max-parallel` places; `launching` has it and takes its concurrency groups one by one.
 */
export type InstanceStatus =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'launching' }
  | {
      readonly kind: 'running';
      /** The key that it was started by: that of the instance, with the number of its attempt. */
      readonly started: string;
      readonly seen: boolean;
      readonly cancelling: CancelJobCause | null;
      /** What it counts for, whatever it reports. */
      readonly fate: Ended | null;
    }
  | { readonly kind: 'retrying' }
  | { readonly kind: 'calling' }
  | { readonly kind: 'settled'; readonly conclusion: JobConclusion; readonly reason: Reason | null };
