import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { Failpoint } from '../../kernel/failpoint.ts';
import type { LogStore } from '../log-store.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store.ts';
import { appendLog } from './append-log.ts';
import { KnownLogs } from './known-logs.ts';
import { SEAL_CHECK_MS, SEGMENT_SIZE, type SegmentSize } from './limits.ts';
import type { LogDisk } from './log-disk.ts';
import { LogGroups } from './log-groups.ts';
import { readLog } from './read-log.ts';
import { rebuildAfterRestore } from './rebuild-after-restore.ts';
import { recoverLogs } from './recover-logs.ts';
import { SealChecks } from './seal-checks.ts';
import { LogSearches } from './search-logs.ts';
import { demandNodeName } from './segment-name.ts';
import { SegmentWriter } from './segment-writer.ts';
import { sweepSegments } from './sweep-segments.ts';

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
  readonly segmentSize?: SegmentSize;
  readonly failpoint?: Failpoint;
}

/** Of `config.server`. */
export interface LogLimits {
  readonly stepBytes: number;
  readonly jobBytes: number;
}

/**
 * Opens the logs of this server, and looks through what its last life left: frames that the database does not know are
 * taken in, a torn end is cut off, damage is told in the diagnostic log.
 * @throws RangeError for a node's name that no file can carry; the disk's error; Error when the database cannot be asked.
 */
export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const { store, disk, clock, node, metrics, log, failpoint } = options;
  demandNodeName(node);
  const number = await recoverLogs(options, node);
  const writer = new SegmentWriter({
    disk,
    node,
    number,
    size: options.segmentSize ?? SEGMENT_SIZE,
    ...(failpoint && { failpoint }),
  });
  const groups = new LogGroups(store, writer, metrics, log);
  const known = new KnownLogs(store);
  const stop = new AbortController();
  const searches = new LogSearches(options, stop.signal);
  const checks = new SealChecks({ store, disk, metrics, known, log });
  // Beside everything else: what comes meanwhile stands behind what it finds.
  const rebuilding = rebuildAfterRestore(options, stop.signal);
  let checking = Promise.resolve();
  let cancelCheck = clock.after(SEAL_CHECK_MS, check);
  let closing: Promise<void> | null = null;

  function check(): void {
    checking = checks.run(stop.signal).finally(() => {
      if (!stop.signal.aborted) cancelCheck = clock.after(SEAL_CHECK_MS, check);
    });
  }

  async function close(): Promise<void> {
    stop.abort();
    cancelCheck();
    await checking;
    await rebuilding;
    await searches.close();
    await groups.idle();
    await writer.close();
  }

  return {
    append: (chunk) => appendLog({ ...options, known, groups }, chunk),
    read: (attempt, step, from, maxBytes) => readLog(options, attempt, step, from, maxBytes),
    search: (attempt, query, signal) => searches.search(attempt, query, signal),
    sweep: () => sweepSegments({ ...options, writer, groups }),
    close: () => (closing ??= close()),
  };
}
