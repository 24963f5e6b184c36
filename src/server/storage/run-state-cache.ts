import type { FlowState } from '../../flow/flow-state.ts';
import type { RunStates } from '../run-states.ts';

/** Runs whose state stays in memory; those beyond are read again when they go on. */
const MAX_RUNS = 512;

interface Versioned {
  readonly version: number;
  readonly state: FlowState;
}

/** What is committed, the least recently used run leaving first. */
export class RunStateCache {
  readonly #runs = new Map<number, Versioned>();
  readonly #limit: number;

  constructor(limit = MAX_RUNS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#runs.size;
  }

  get(run: number): Versioned | null {
    const found = this.#runs.get(run);
    if (found === undefined) return null;
    this.#runs.delete(run);
    this.#runs.set(run, found);
    return found;
  }

  apply(changes: ReadonlyMap<number, Versioned | null>): void {
    for (const [run, change] of changes) {
      this.#runs.delete(run);
      if (change !== null) this.#runs.set(run, change);
    }
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= this.#limit) break;
      this.#runs.delete(oldest);
    }
  }
}

/** What operations change before it is committed, on top of `below`; lost with the layer when it is not applied. */
export class RunStateLayer implements RunStates {
  readonly #below: { get(run: number): Versioned | null };
  readonly #changes = new Map<number, Versioned | null>();

  constructor(below: RunStateCache | RunStateLayer) {
    this.#below = below instanceof RunStateLayer ? { get: (run) => below.#find(run) } : below;
  }

  get(run: number, version: number): FlowState | null {
    const found = this.#find(run);
    return found?.version === version ? found.state : null;
  }

  put(run: number, version: number, state: FlowState): void {
    this.#changes.set(run, { version, state });
  }

  drop(run: number): void {
    this.#changes.set(run, null);
  }

  /** Into the layer, or the cache, that it stands on. */
  applyTo(target: RunStateCache | RunStateLayer): void {
    if (target instanceof RunStateCache) target.apply(this.#changes);
    else for (const [run, change] of this.#changes) target.#changes.set(run, change);
  }

  #find(run: number): Versioned | null {
    const own = this.#changes.get(run);
    return own === undefined ? this.#below.get(run) : own;
  }
}
