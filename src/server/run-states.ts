import type { FlowState } from '../flow/flow-state.ts';

/**
 * Flow states of open runs. An operation takes one out with the version that it read from the run's row; another
 * version, or none, means that it has to be rebuilt from snapshot and events. What is put in counts only once the
 * operation is committed; whoever hosts operations discards it otherwise.
 */
export interface RunStates {
  get(run: number, version: number): FlowState | null;
  put(run: number, version: number, state: FlowState): void;
  drop(run: number): void;
}
