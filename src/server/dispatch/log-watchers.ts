/** Attempts whose logs somebody watches, and how often those nobody watches are to be sent. */
export class LogWatchers {
  readonly #counts = new Map<string, number>();

  watch(attempt: string): void {
    this.#counts.set(attempt, (this.#counts.get(attempt) ?? 0) + 1);
  }

  unwatch(attempt: string): void {
    const count = (this.#counts.get(attempt) ?? 0) - 1;
    if (count > 0) this.#counts.set(attempt, count);
    else this.#counts.delete(attempt);
  }

  isWatched(attempt: string): boolean {
    return this.#counts.has(attempt);
  }

  /** The more agents there are, the less often each sends. */
  intervalMs(sessions: number): number {
    return Math.min(SLOWEST_MS, Math.max(FASTEST_MS, sessions * MS_PER_SESSION));
  }
}

const FASTEST_MS = 1_000;
const SLOWEST_MS = 10_000;
const MS_PER_SESSION = 10;
