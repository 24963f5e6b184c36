import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { LogStore } from './log-store.ts';
import type { SecretBox } from './secrets/secret-box.ts';
import type { Store } from './store.ts';

/** Durations in milliseconds. */
export interface AgentServiceSettings {
  readonly leaseMs: number;
  /** Of an offer that is not accepted. */
  readonly offerMs: number;
  /** How long a poll is held, ± 10 %. */
  readonly pollMs: number;
  readonly sessionTokenMs: number;
}

export interface AgentServiceOptions {
  readonly store: Store;
  readonly logs: LogStore;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly settings: AgentServiceSettings;
  readonly log: DiagnosticLog;
}
