import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { LogStore } from '../log-store.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store.ts';
import type { LogDisk } from './log-disk.ts';

export interface LogStoreOptions {
  readonly store: Store;
  /** Where the segments are: `DATA/logs` through `openLogDisk`. */
  readonly disk: LogDisk;
  readonly clock: Clock;
  /** Names this server among those that share the folder: 1 to 64 of `A-Z a-z 0-9 _ -`; the same after a restart. */
  readonly node: string;
  readonly limits: LogLimits;
  readonly metrics: Metrics;
  readonly log: DiagnosticLog;
  /** What the thread of a search by pattern is started with: `search-thread.ts`, bundled. Null: patterns are refused. */
  readonly searchThreadFile: string | null;
}

/** Of `config.server`. */
export interface LogLimits {
  readonly stepBytes: number;
  readonly jobBytes: number;
}

/**
 * Opens the logs of this server, and looks through what its last life left: frames that the database does not know are
 * taken in, a torn end is cut off, damage is told in the diagnostic log.
 */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  return await Promise.reject(new Error(options.node));
}
