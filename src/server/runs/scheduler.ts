import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Store } from '../store.ts';
import type { DueSchedule } from './schedule-operations.ts';

/** Looks again after so long, even when nothing seems to be due: what other servers change may not be heard of. */
const LONGEST_WAIT_MS = 60_000;

/** How long a repository that cannot be read is asked again for what is due in it. */
const KEEP_TRYING_MS = 3_600_000;

export interface SchedulerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  /** Runs the workflow. Asked again for the same schedule and time, it makes no second run. */
  readonly start: (due: DueSchedule, signal: AbortSignal) => Promise<ApiResult<unknown>>;
}

/**
 * Starts what `on: schedule` asks for. Any number of servers may have one: a schedule and its time make one run, whoever
 * asks for it and however often. What was missed while no server ran is made up for once.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  #cancelTimer: () => void = () => undefined;
  #looking: Promise<void> | null = null;
  #again = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#unsubscribe = options.store.subscribe((topics) => {
      if (topics.includes('timers')) this.#look();
    });
    this.#look();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort(new Error('the server is stopping'));
    this.#cancelTimer();
    await this.idle();
  }

  /** Resolves when it waits for its next time, or for news. */
  async idle(): Promise<void> {
    while (this.#looking !== null) await this.#looking;
  }

  #look(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#looking !== null) {
      this.#again = true;
      return;
    }
    this.#cancelTimer();
    this.#looking = this.#lookOnce().then((wait) => {
      this.#looking = null;
      if (this.#stop.signal.aborted) return;
      if (this.#again) this.#look();
      else this.#cancelTimer = this.#options.clock.after(wait, () => this.#look());
    });
  }

  /** Milliseconds until the next look. */
  async #lookOnce(): Promise<number> {
    const { store, clock, log, start } = this.#options;
    this.#again = false;
    const found = await store.execute('list-due-schedules', null);
    if (!found.ok) {
      log.warn('schedules cannot be read', { problem: found.error.message });
      return LONGEST_WAIT_MS;
    }
    for (const schedule of found.value.due) {
      if (this.#stop.signal.aborted) return LONGEST_WAIT_MS;
      const { id, repository, path, cron, timezone, dueAt } = schedule;
      const started = await start(schedule, this.#stop.signal);
      if (!started.ok) {
        log.warn('a schedule could not be started', { repository, path, cron, problem: started.error.message });
        // What is wrong with the workflow stays wrong; what is wrong with the way there may not.
        if (started.error.code !== 'invalid' && clock.now() - dueAt < KEEP_TRYING_MS) continue;
      }
      await store.execute('advance-schedule', { id, cron, timezone, dueAt });
    }
    const { next } = found.value;
    return next === null ? LONGEST_WAIT_MS : Math.min(Math.max(next - clock.now(), 0), LONGEST_WAIT_MS);
  }
}
