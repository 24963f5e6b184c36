import type { FlowEvent, StartJob } from '../../src/flow/flow-event.ts';
import type { FlowInput } from '../../src/flow/flow-input.ts';
import type { ShownFlow } from '../../src/flow/show-flow.ts';
import type { RunConclusion } from '../../src/protocol/conclusion.ts';

/** Who keeps the runs of a case: in memory, or in a database as the server does. Runs are numbered from 0. */
export interface CaseHost {
  begin(run: number, input: FlowInput): Promise<void>;
  /** @returns why it was refused; null where it was not. */
  tell(run: number, event: FlowEvent): Promise<string | null>;
  /** Runs what failed again. @returns why that was refused; null where it was not. */
  rerunFailed(run: number): Promise<string | null>;
  show(run: number): Promise<ShownFlow>;
  /** Keys of jobs that the run ever had, of instances where there are any. */
  keys(run: number): Promise<readonly string[]>;
  /** When the next timer is due, in milliseconds since the epoch; null without one. */
  nextTimer(): Promise<number | null>;
  /** Fires those that are due. */
  fireTimers(): Promise<void>;
  /** How many transactions were committed so far. */
  readonly commits: number;
  close(): Promise<void>;
}

/** What a host wants done. Told more than once, it means nothing the second time. */
export interface CaseAgents {
  /** Milliseconds since the epoch. */
  now(): number;
  /** `attempt` of the run. */
  start(run: number, attempt: number, command: StartJob): void;
  cancel(run: number, attempt: number, key: string): void;
  /** The job is over; who has not begun with it does not. */
  forget(run: number, attempt: number, key: string): void;
  /** Nothing more of the run is begun, until it is told that it is paused no more. */
  pause(run: number, paused: boolean): void;
  runEnded(run: number, attempt: number, conclusion: RunConclusion): void;
}

/** What goes wrong on purpose. */
export interface Troubles {
  /** Everything is told and done twice. */
  readonly twice: boolean;
  /** After which commits the host dies and begins anew with what is stored: numbers from 1. */
  crashAfter(commit: number): boolean;
}

export const NO_TROUBLE: Troubles = { twice: false, crashAfter: () => false };
