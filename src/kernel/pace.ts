/**
 * How often something is done: at once as long as some of `burst` times are left, of which one comes back every
 * `everyMs`. So what happens now and then is done when it happens, and what happens all the time at a steady pace.
 */
export class Pace {
  readonly #everyMs: number;
  readonly #toleranceMs: number;
  /** When all of the burst is back; monotonic milliseconds. */
  #full = -Infinity;

  constructor(everyMs: number, burst: number) {
    this.#everyMs = everyMs;
    this.#toleranceMs = everyMs * (burst - 1);
  }

  /** Not before; monotonic milliseconds. */
  get next(): number {
    return this.#full - this.#toleranceMs;
  }

  /** It is done now. */
  take(now: number): void {
    this.#full = Math.max(this.#full, now) + this.#everyMs;
  }
}
