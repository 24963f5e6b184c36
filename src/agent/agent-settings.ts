import type { RunnerConfig } from '../config/runner-config.ts';

/** Of an agent's core; times in milliseconds. */
export interface AgentSettings {
  readonly runner: string;
  readonly name: string;
  readonly version: string;
  readonly machineId: string;
  readonly takeover: boolean;
  readonly slots: number;
  /** With `self-hosted`, operating system and architecture. */
  readonly labels: readonly string[];
  readonly ephemeral: boolean;
  readonly allowRepositories: readonly string[];
  readonly allowActions: readonly string[];
  readonly healthIntervalMs: number;
  readonly spoolBytes: number;
  readonly drainTimeoutMs: number;
  readonly idleTimeoutMs: number | null;
  readonly flushTimeoutMs: number;
  readonly keepJournalMs: number;
  /** From the moment a job is cancelled until its worker is killed. */
  readonly cancelTimeoutMs: number;
  /** The same where its steps are ended at once. */
  readonly forceTimeoutMs: number;
  /** Given to workers as it is. */
  readonly config: RunnerConfig;
}
