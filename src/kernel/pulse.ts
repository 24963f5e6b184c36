/**
 * Wakes whoever waits for a condition that several events can make true. Waiting is always on a condition, so a wake
 * that came too early, or twice, does no harm, and one that came before the wait is not missed.
 */
export class Pulse {
  readonly #waiting = new Set<() => void>();

  /** Something has changed: everybody who waits looks again. */
  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  /** Resolves as soon as the condition holds: looks at it now and after each {@link wake}. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resume) => this.#waiting.add(resume));
  }

  /** Resolves at the next {@link wake}, at the latest when `timer` calls back; `timer` returns what cancels it. */
  next(timer: (callback: () => void) => () => void): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        cancel();
        resolve();
      };
      const cancel = timer(() => {
        this.#waiting.delete(resume);
        resolve();
      });
      this.#waiting.add(resume);
    });
  }
}
