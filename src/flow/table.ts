/**
 * A record by text key, kept as a tree of small lists so that a change copies a few entries and not all of them: no
 * event of a run costs more because the run is large. Plain JSON; `size` counts the entries.
 */
export interface Shards<T> {
  readonly size: number;
  readonly root: ShardNode<T>;
}

export type ShardNode<T> = ShardLeaf<T> | readonly (ShardNode<T> | null)[];

/** Lists and no record: they are copied faster, and keys come from the user. */
interface ShardLeaf<T> {
  readonly keys: readonly string[];
  readonly values: readonly T[];
}

/** A leaf with more entries becomes a list of sixteen, by the next four bits of the hashes. */
const MAX_ENTRIES = 16;
const DIGIT_BITS = 4;
const DIGITS = 1 << DIGIT_BITS;
const HASH_BITS = 32;

export const NO_ENTRIES: Shards<never> = { size: 0, root: { keys: [], values: [] } };

/** Shards with changes beside them. */
export class Table<T> {
  readonly #base: Shards<T>;
  readonly #copy: (value: T) => T;
  /** Null stands for a deleted entry. */
  #changes: Map<string, T | null> | null = null;
  #size: number;

  /** @param copy For those that are updated often, a faster one than a spread. */
  constructor(base: Shards<T>, copy: (value: T) => T = (value) => ({ ...value })) {
    this.#base = base;
    this.#copy = copy;
    this.#size = base.size;
  }

  get size(): number {
    return this.#size;
  }

  find(key: string): T | null {
    const changed = this.#changes?.get(key);
    if (changed !== undefined) return changed;
    return this.#base.size === 0 ? null : lookUp(this.#base.root, key);
  }

  /** @throws RangeError when there is no such entry. */
  get(key: string): T {
    const value = this.find(key);
    if (value === null) throw new RangeError(`nothing is known of '${key}'`);
    return value;
  }

  set(key: string, value: T): void {
    if (this.find(key) === null) this.#size++;
    this.#change(key, value);
  }

  update(key: string, change: Partial<T>): T {
    const value = Object.assign(this.#copy(this.get(key)) as object, change) as T;
    this.#change(key, value);
    return value;
  }

  delete(key: string): void {
    if (this.find(key) === null) return;
    this.#size--;
    this.#change(key, null);
  }

  /** In no order that means anything. */
  entries(): [string, T][] {
    return entriesOf(this.finish().root);
  }

  finish(): Shards<T> {
    if (this.#changes === null) return this.#base;
    let { root } = this.#base;
    for (const [key, value] of this.#changes) root = put(root, key, value, hashOf(key), 0);
    return { size: this.#size, root };
  }

  #change(key: string, value: T | null): void {
    this.#changes ??= new Map();
    this.#changes.set(key, value);
  }
}

function lookUp<T>(root: ShardNode<T>, key: string): T | null {
  let node: ShardNode<T> | null = root;
  for (let hash = hashOf(key); node !== null && isList(node); hash >>>= DIGIT_BITS)
    node = node[hash & (DIGITS - 1)] ?? null;
  if (node === null) return null;
  const index = node.keys.indexOf(key);
  return index < 0 ? null : (node.values[index] ?? null);
}

/** @param bits How many of the hash have been used on the way to the node. */
function put<T>(node: ShardNode<T>, key: string, value: T | null, hash: number, bits: number): ShardNode<T> {
  if (!isList(node)) return putLeaf(node, key, value, bits);
  const digit = (hash >>> bits) & (DIGITS - 1);
  const nodes = node.slice();
  nodes[digit] = put(node[digit] ?? NO_ENTRIES.root, key, value, hash, bits + DIGIT_BITS);
  return nodes;
}

function putLeaf<T>({ keys, values }: ShardLeaf<T>, key: string, value: T | null, bits: number): ShardNode<T> {
  const index = keys.indexOf(key);
  if (value === null) {
    const others = (_: unknown, other: number): boolean => other !== index;
    return { keys: keys.filter(others), values: values.filter(others) };
  }
  if (index >= 0) {
    const changed = values.slice();
    changed[index] = value;
    return { keys, values: changed };
  }
  const leaf = { keys: [...keys, key], values: [...values, value] };
  return keys.length < MAX_ENTRIES || bits >= HASH_BITS ? leaf : split(leaf, bits);
}

function split<T>({ keys, values }: ShardLeaf<T>, bits: number): ShardNode<T> {
  const parts: (ShardNode<T> | null)[] = Array.from({ length: DIGITS }, () => null);
  keys.forEach((key, index) => {
    const digit = (hashOf(key) >>> bits) & (DIGITS - 1);
    parts[digit] = putLeaf((parts[digit] ?? NO_ENTRIES.root) as ShardLeaf<T>, key, values[index] ?? null, HASH_BITS);
  });
  return parts;
}

function entriesOf<T>(node: ShardNode<T> | null): [string, T][] {
  if (node === null) return [];
  if (isList(node)) return node.flatMap(entriesOf);
  return node.keys.map((key, index) => [key, node.values[index] as T]);
}

function isList<T>(node: ShardNode<T>): node is readonly (ShardNode<T> | null)[] {
  return Array.isArray(node);
}

function hashOf(key: string): number {
  let hash = 0;
  for (let index = 0; index < key.length; index++) hash = (Math.imul(hash, 31) + key.charCodeAt(index)) | 0;
  // Keys often differ in their last letters alone: spreads that over all bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
