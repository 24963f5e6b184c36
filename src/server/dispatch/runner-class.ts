import { satisfies } from './label-set.ts';
import type { LiveSession } from './live-session.ts';

/** A class that nobody of waited in for so long is forgotten: the next one makes it anew. */
const IDLE_MS = 600_000;

/** Sessions that can do the same, so that label sets are held against their labels once. */
export class RunnerClass {
  readonly #offered: ReadonlySet<string>;
  /** Those it satisfies, as far as they are known. */
  readonly labelSets = new Set<number>();
  /** In the order in which they began to wait. */
  readonly waiting = new Map<string, { readonly session: LiveSession; readonly free: number }>();

  /** When the last one began to wait; monotonic. */
  usedAt = 0;

  constructor(offered: ReadonlySet<string>) {
    this.#offered = offered;
  }

  isIdle(now: number): boolean {
    return this.waiting.size === 0 && now - this.usedAt > IDLE_MS;
  }

  learn(id: number, labels: readonly string[]): void {
    if (satisfies(this.#offered, labels)) this.labelSets.add(id);
  }
}
