import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { LogStore } from '../log-store.ts';
import type { Store } from '../store.ts';

export interface RetentionOptions {
  readonly store: Store;
  readonly logs: Pick<LogStore, 'sweep'>;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  /** Runs that ended longer ago are deleted. */
  readonly days: number;
  /** Runners that were not seen for so many days are removed; 0: they stay. */
  readonly runnerDays: number;
  /** The same for ephemeral ones. */
  readonly ephemeralRunnerDays: number;
  /** When there is more of logs, those of the oldest runs go; the runs stay. */
  readonly logBytes: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Between two looks, and before the first. */
export const RETENTION_MS = 10 * 60 * 1_000;
/** Events and journals are kept no longer, whatever the runs are: results do not need them. */
const HISTORY_DAYS = 30;
/** Small enough that what else the database has to do waits for no more than some milliseconds. */
const RUNS_AT_ONCE = 50;
const LOGS_AT_ONCE = 500;

/** Removes what is too old or too much, a few at a time. Any number of servers may do it. */
export class Retention {
  readonly #options: RetentionOptions;
  #cancel: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();
  #closed = false;
  /** Runs that ended before it have no events and journals any more. */
  #trimmedTo = 0;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel = this.#options.clock.after(RETENTION_MS, () => {
      this.#running = this.run().finally(() => {
        if (!this.#closed) this.start();
      });
    });
  }

  /** Everything that is due now. Ends early while the database cannot be used; the next look goes on. */
  async run(): Promise<void> {
    const { log } = this.#options;
    try {
      const deleted = await this.#retireRuns();
      const removed = await this.#removeLogs();
      await this.#trimHistory();
      await this.#removeRunners();
      await this.#deleteExpired();
      const freed = this.#closed ? 0 : await this.#options.logs.sweep();
      if (deleted > 0 || removed > 0 || freed > 0)
        log.info('what was too old was removed', { runs: deleted, logBytes: removed, diskBytes: freed });
    } catch (error) {
      log.warn('what is too old could not be removed', { error: (error as Error).message });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#running;
  }

  async #retireRuns(): Promise<number> {
    const { store, clock, days } = this.#options;
    let sum = 0;
    for (const input = { completedBefore: clock.now() - days * DAY_MS, limit: RUNS_AT_ONCE }; !this.#closed;) {
      const result = await store.execute('retire-runs', input);
      if (!result.ok) throw new Error(result.error.message);
      sum += result.value.deleted;
      if (result.value.deleted < RUNS_AT_ONCE) break;
    }
    return sum;
  }

  async #removeLogs(): Promise<number> {
    const { store, logBytes } = this.#options;
    const kept = await store.execute('measure-logs', {});
    if (!kept.ok) throw new Error(kept.error.message);
    let sum = 0;
    for (let over = kept.value.bytes - logBytes; over > 0 && !this.#closed;) {
      const result = await store.execute('remove-oldest-logs', { bytes: over, limit: LOGS_AT_ONCE });
      if (!result.ok) throw new Error(result.error.message);
      const { freed } = result.value;
      // What is left belongs to runs that are open.
      if (freed === 0) break;
      sum += freed;
      over -= freed;
    }
    return sum;
  }

  async #trimHistory(): Promise<void> {
    const { store, clock, days } = this.#options;
    const before = clock.now() - Math.min(days, HISTORY_DAYS) * DAY_MS;
    while (!this.#closed) {
      const result = await store.execute('trim-history', { from: this.#trimmedTo, before, limit: RUNS_AT_ONCE });
      if (!result.ok) throw new Error(result.error.message);
      this.#trimmedTo = result.value.next ?? before;
      if (result.value.next === null) return;
    }
  }

  async #removeRunners(): Promise<void> {
    const { store, clock, runnerDays, ephemeralRunnerDays, log } = this.#options;
    const before = (days: number): number | null => (days === 0 ? null : clock.now() - days * DAY_MS);
    const limits = { seenBefore: before(runnerDays), ephemeralSeenBefore: before(ephemeralRunnerDays) };
    for (let more = true; more && !this.#closed;) {
      const result = await store.execute('remove-stale-runners', limits);
      if (!result.ok) throw new Error(result.error.message);
      if (result.value.removed > 0)
        log.info('runners that were not seen were removed', { runners: result.value.removed });
      more = result.value.more;
    }
  }

  async #deleteExpired(): Promise<void> {
    if (this.#closed) return;
    const { store, clock } = this.#options;
    const result = await store.execute('delete-expired', { endedBefore: clock.now() - HISTORY_DAYS * DAY_MS });
    if (!result.ok) throw new Error(result.error.message);
  }
}
