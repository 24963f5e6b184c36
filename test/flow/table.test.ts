import { describe, expect, it } from '@jest/globals';
import { NO_ENTRIES, type Shards, Table } from '../../src/flow/table.ts';

/** What a table that keeps everything in one place would hold. */
function play(
  seed: number,
  steps: number,
): { readonly shards: Shards<{ n: number }>; readonly known: Map<string, number> } {
  let shards: Shards<{ n: number }> = NO_ENTRIES;
  const known = new Map<string, number>();
  let random = seed;
  const next = (below: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return (random >>> 8) % below;
  };
  for (let step = 0; step < steps; step++) {
    const table = new Table(shards);
    for (let change = next(4); change >= 0; change--) {
      const key = `job${next(400)}.${next(3)}`;
      if (next(5) === 0) {
        table.delete(key);
        known.delete(key);
      } else {
        table.set(key, { n: step });
        known.set(key, step);
      }
    }
    shards = JSON.parse(JSON.stringify(table.finish())) as Shards<{ n: number }>;
  }
  return { shards, known };
}

describe('a table of flow', () => {
  it.each([1, 2, 3])('holds what was put into it and not deleted, written and read in between (seed %i)', (seed) => {
    const { shards, known } = play(seed, 600);
    const table = new Table(shards);
    expect(table.size).toBe(known.size);
    expect(new Map(table.entries().map(([key, { n }]) => [key, n]))).toEqual(known);
    for (const [key, n] of known) expect(table.get(key)).toEqual({ n });
    expect(table.find('unknown')).toBeNull();
  });

  it('leaves what it was made of as it was', () => {
    const { shards } = play(4, 100);
    const before = JSON.stringify(shards);
    const table = new Table(shards);
    table.set('one more', { n: 1 });
    table.finish();
    expect(JSON.stringify(shards)).toBe(before);
  });

  it('is the same table when nothing was changed', () => {
    const { shards } = play(5, 50);
    expect(new Table(shards).finish()).toBe(shards);
  });

  it('takes keys that objects have by themselves', () => {
    const table = new Table<number>(NO_ENTRIES);
    expect(table.find('__proto__')).toBeNull();
    expect(table.find('constructor')).toBeNull();
    table.set('__proto__', 1);
    expect(new Table(JSON.parse(JSON.stringify(table.finish())) as Shards<number>).get('__proto__')).toBe(1);
  });
});
