import { AbortScope, type CancelCause, causeOf } from '../kernel/cancellation.ts';
import type { Clock } from '../kernel/clock.ts';

export interface JobStopOptions {
  readonly cancel: AbortSignal;
  readonly kill: AbortSignal;
  readonly clock: Clock;
  /** The job's own limit; null for none. */
  readonly timeoutMinutes: number | null;
  /** From a cancellation to the end of what does not heed it. */
  readonly cancelTimeoutMs: number;
}

/**
 * How one job is asked to end: `running –cancel|time limit→ cancelled –time-out|kill→ killed`. The first cause is the
 * job's for ever. Dispose it when no step runs any more: what comes later is too late.
 */
export class JobStop {
  readonly #options: JobStopOptions;
  readonly #cancel: AbortScope;
  readonly #kill = new AbortScope();
  #disarm: () => void = () => undefined;

  constructor(options: JobStopOptions) {
    this.#options = options;
    this.#cancel = new AbortScope(options.cancel);
    const { kill, timeoutMinutes } = options;
    if (kill.aborted) this.#onKill();
    else kill.addEventListener('abort', this.#onKill, { once: true });
    if (this.cancel.aborted) this.#onCancel();
    else {
      this.cancel.addEventListener('abort', this.#onCancel, { once: true });
      if (timeoutMinutes !== null && timeoutMinutes > 0)
        this.#arm(timeoutMinutes * MS_PER_MINUTE, () => this.#cancel.cancel('job-timeout'));
    }
  }

  /** Ask: `always()` and post steps run. */
  get cancel(): AbortSignal {
    return this.#cancel.signal;
  }

  /** End what runs at once and start nothing more. Aborted after {@link cancel}, never before. */
  get kill(): AbortSignal {
    return this.#kill.signal;
  }

  /** Null while nobody asked. */
  get cause(): CancelCause | null {
    return this.cancel.aborted ? causeOf(this.cancel) : null;
  }

  dispose(): void {
    this.#disarm();
    this.#cancel.dispose();
    this.cancel.removeEventListener('abort', this.#onCancel);
    this.#options.kill.removeEventListener('abort', this.#onKill);
  }

  readonly #onCancel = (): void => {
    if (this.kill.aborted) return;
    this.#arm(this.#options.cancelTimeoutMs, () => this.#kill.cancel(causeOf(this.cancel)));
  };

  readonly #onKill = (): void => {
    this.#cancel.cancel(causeOf(this.#options.kill));
    this.#disarm();
    this.#kill.cancel(causeOf(this.#options.kill));
  };

  #arm(ms: number, callback: () => void): void {
    this.#disarm();
    this.#disarm = this.#options.clock.after(ms, callback);
  }
}

const MS_PER_MINUTE = 60_000;
