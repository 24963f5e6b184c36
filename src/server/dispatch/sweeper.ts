import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { Store } from '../store.ts';

export interface SweeperOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: { readonly leaseMs: number; readonly offerMs: number };
  readonly log: DiagnosticLog;
  /** How long a look took. */
  readonly onSwept?: (seconds: number) => void;
}

/** After the database could not be asked. */
const RETRY_MS = 1_000;
const MS_PER_SECOND = 1_000;

/**
 * Ends leases when they are due, and has runs told of their timers. It sleeps until the next one is, or somebody sets a
 * timer, and never longer than the shortest lease lasts, so that one that begins in the meantime is not missed.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #cancelTimer: () => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #isClosed = false;
  #running: Promise<void> = Promise.resolve();
  #isLooking = false;
  /** Counts what it was woken for. */
  #news = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Gives every lease its full time from now on, then begins. Once. */
  async start(): Promise<void> {
    const extended = await this.#options.store.execute('extend-leases', {});
    if (extended.ok) {
      this.#unsubscribe = this.#options.store.subscribe((topics) => {
        if (topics.includes('timers')) this.#wake();
      });
      this.#sleep(0);
    } else {
      this.#options.log.warn('leases could not be extended', { message: extended.error.message });
      this.#cancelTimer = this.#options.clock.after(RETRY_MS, () => void this.start());
    }
    if (this.#isClosed) await this.close();
  }

  /** Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#cancelTimer();
    await this.#running;
  }

  #sleep(ms: number): void {
    this.#isLooking = false;
    if (this.#isClosed) return;
    this.#cancelTimer = this.#options.clock.after(ms, () => {
      this.#isLooking = true;
      this.#running = this.#sweep();
    });
  }

  #wake(): void {
    this.#news += 1;
    if (this.#isLooking) return;
    this.#cancelTimer();
    this.#sleep(0);
  }

  async #sweep(): Promise<void> {
    const { store, settings, log, clock, onSwept } = this.#options;
    for (;;) {
      const news = this.#news;
      const began = clock.monotonic();
      const swept = await store.execute('sweep', {});
      onSwept?.((clock.monotonic() - began) / MS_PER_SECOND);
      if (this.#isClosed) return;
      if (!swept.ok) {
        log.warn('leases could not be looked at', { message: swept.error.message });
        this.#sleep(RETRY_MS);
        return;
      }
      const { more, leases, timers, nextMs } = swept.value;
      if (leases > 0) log.info('leases ended', { leases });
      if (timers > 0) log.info('timers of runs fired', { timers });
      if (more || news !== this.#news) continue;
      this.#sleep(Math.min(nextMs ?? Infinity, settings.leaseMs, settings.offerMs));
      return;
    }
  }
}
