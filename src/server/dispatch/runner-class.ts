import { satisfies } from './label-set.ts';
import type { LiveSession } from './live-session.ts';

/** Sessions that can do the same, so that label sets are held against their labels once. */
export class RunnerClass {
  readonly #offered: ReadonlySet<string>;
  /** Those it satisfies, as far as they are known. */
  readonly labelSets = new Set<number>();
  /** In the order in which they began to wait. */
  readonly waiting = new Map<string, { readonly session: LiveSession; readonly free: number }>();

  constructor(offered: ReadonlySet<string>) {
    this.#offered = offered;
  }

  learn(id: number, labels: readonly string[]): void {
    if (satisfies(this.#offered, labels)) this.labelSets.add(id);
  }
}
