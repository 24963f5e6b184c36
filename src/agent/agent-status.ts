import type { AgentStatus } from './agent-ports.ts';

export interface AgentFacts {
  readonly registered: { readonly server: string; readonly runner: string; readonly name: string } | null;
  /** Of the agent that holds the folder; null: none runs. */
  readonly pid: number | null;
  /** The last that an agent wrote; null: none ever ran. */
  readonly status: AgentStatus | null;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number | null;
}

/** What the folder tells of its agent. Never rejects for what is missing. */
export function agentStatus(stateDirectory: string): Promise<AgentFacts> {
  return Promise.reject(new Error(`no agent in ${stateDirectory}`));
}

/** Asks the agent of the folder to drain (SIGTERM). False: none runs. */
export function drainAgent(stateDirectory: string): Promise<boolean> {
  return Promise.reject(new Error(`no agent in ${stateDirectory}`));
}

/**
 * Removes credentials and what is left of jobs. Rejects with an `AgentProblem` while an agent runs, and, without
 * `force`, while results are unsent.
 */
export function removeAgent(stateDirectory: string, force: boolean): Promise<void> {
  return Promise.reject(new Error(`no agent in ${stateDirectory}, ${force}`));
}
