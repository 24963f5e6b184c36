/** Some jobs of a graph. */
export interface JobSet {
  has(id: string): boolean;
}

/** Which jobs of one mapping wait for which; cycles do no harm. Jobs are numbered, since there may be thousands. */
export class JobGraph {
  readonly ids: readonly string[];
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #before: readonly (readonly number[])[];
  readonly #after: readonly (readonly number[])[];

  /** @param waitsFor By the id of a job those that it waits for; ids of no job are left out. */
  constructor(waitsFor: ReadonlyMap<string, readonly string[]>) {
    this.ids = [...waitsFor.keys()];
    this.#indexes = new Map(this.ids.map((id, index) => [id, index]));
    this.#before = [...waitsFor.values()].map((needs) => needs.flatMap((id) => this.#indexes.get(id) ?? []));
    const after = this.ids.map((): number[] => []);
    this.#before.forEach((needs, index) => {
      for (const need of needs) after[need]?.push(index);
    });
    this.#after = after;
  }

  has(id: string): boolean {
    return this.#indexes.has(id);
  }

  /** Jobs that this one itself waits for. */
  waitsFor(id: string): readonly string[] {
    return this.#idsOf(this.#before[this.#indexes.get(id) ?? -1] ?? []);
  }

  /** Jobs that wait for this one itself. */
  dependants(id: string): readonly string[] {
    return this.#idsOf(this.#after[this.#indexes.get(id) ?? -1] ?? []);
  }

  /** All that a job waits for, through others too; itself only where it waits for itself. */
  before(id: string): JobSet {
    return this.#reach([id], this.#before);
  }

  /** All that wait for any of these, through others too. */
  after(ids: Iterable<string>): JobSet {
    return this.#reach(ids, this.#after);
  }

  #reach(ids: Iterable<string>, edges: readonly (readonly number[])[]): JobSet {
    const reached = new Uint8Array(this.ids.length);
    const waiting = [...ids].flatMap((id) => this.#indexes.get(id) ?? []);
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop())
      for (const next of edges[index] ?? []) {
        if (reached[next] === 1) continue;
        reached[next] = 1;
        waiting.push(next);
      }
    return { has: (id) => reached[this.#indexes.get(id) ?? -1] === 1 };
  }

  #idsOf(indexes: readonly number[]): readonly string[] {
    return indexes.flatMap((index) => this.ids[index] ?? []);
  }
}
