import type { Clock } from '../kernel/clock.ts';

/**
 * Of a job that may not run twice at once: runs out when no agent renews it, because then the server may give the job to
 * another one. An agent that has died cannot end it, so the worker does.
 */
export class LeaseTimer {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  renew(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(Math.max(ms, 0), this.#onEnd);
  }

  /** The job has ended. */
  end(): void {
    this.#cancel();
  }
}
