/**
 * A record by text key, split into shards so that a change copies a few entries and not all of them: no event of a run
 * costs more because the run is large. Plain JSON; `size` counts the entries.
 */
export interface Shards<T> {
  readonly size: number;
  readonly shards: readonly Readonly<Record<string, T>>[];
}

const SHARD_COUNT = 64;

export const NO_ENTRIES: Shards<never> = { size: 0, shards: Array.from({ length: SHARD_COUNT }, () => ({})) };

/** Shards with changes beside them. Keys come from the user, so nothing is looked up on a prototype. */
export class Table<T> {
  readonly #base: Shards<T>;
  /** Null stands for a deleted entry. */
  readonly #changes = new Map<string, T | null>();
  #size: number;

  constructor(base: Shards<T>) {
    this.#base = base;
    this.#size = base.size;
  }

  get size(): number {
    return this.#size;
  }

  find(key: string): T | null {
    const changed = this.#changes.get(key);
    if (changed !== undefined) return changed;
    const shard = this.#base.shards[shardOf(key)];
    return shard && Object.hasOwn(shard, key) ? (shard[key] ?? null) : null;
  }

  /** @throws RangeError when there is no such entry. */
  get(key: string): T {
    const value = this.find(key);
    if (value === null) throw new RangeError(`nothing is known of '${key}'`);
    return value;
  }

  set(key: string, value: T): void {
    if (this.find(key) === null) this.#size++;
    this.#changes.set(key, value);
  }

  update(key: string, change: Partial<T>): T {
    const value = { ...this.get(key), ...change };
    this.#changes.set(key, value);
    return value;
  }

  delete(key: string): void {
    if (this.find(key) !== null) this.#size--;
    this.#changes.set(key, null);
  }

  entries(): [string, T][] {
    return this.finish().shards.flatMap((shard) => Object.entries(shard));
  }

  finish(): Shards<T> {
    if (this.#changes.size === 0) return this.#base;
    const changed = new Map<number, Map<string, T>>();
    for (const [key, value] of this.#changes) {
      const index = shardOf(key);
      const shard = changed.get(index) ?? new Map(Object.entries(this.#base.shards[index] ?? {}));
      changed.set(index, shard);
      if (value === null) shard.delete(key);
      else shard.set(key, value);
    }
    const shards = this.#base.shards.map((shard, index) => {
      const entries = changed.get(index);
      return entries ? Object.fromEntries(entries) : shard;
    });
    return { size: this.#size, shards };
  }
}

function shardOf(key: string): number {
  let hash = 0;
  for (let index = 0; index < key.length; index++) hash = (Math.imul(hash, 31) + key.charCodeAt(index)) | 0;
  return (hash >>> 0) % SHARD_COUNT;
}
