const FIRST_WINDOW_MS = 1_000;
const LAST_WINDOW_MS = 64_000;

export interface BackoffWindows {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * How long to wait after a failure: a time drawn evenly from a window, which doubles with each failure. What is left of
 * a window is waited out before the next one begins, so that many agents that failed together stay evenly spread.
 */
export class Backoff {
  readonly #random: () => number;
  readonly #windows: BackoffWindows;
  #window = 0;
  #left = 0;

  constructor(random: () => number, windows: BackoffWindows = { firstMs: FIRST_WINDOW_MS, lastMs: LAST_WINDOW_MS }) {
    this.#random = random;
    this.#windows = windows;
  }

  /** Milliseconds until the next try; not less than what the server asked for. */
  next(retryAfterMs = 0): number {
    const { firstMs, lastMs } = this.#windows;
    this.#window = this.#window === 0 ? firstMs : Math.min(this.#window * 2, lastMs);
    const drawn = this.#random() * this.#window;
    const wait = this.#left + drawn;
    this.#left = this.#window - drawn;
    return Math.max(wait, retryAfterMs);
  }

  /** It went well. */
  reset(): void {
    this.#window = 0;
    this.#left = 0;
  }
}
