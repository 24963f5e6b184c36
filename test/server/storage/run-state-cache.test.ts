import { describe, expect, it } from '@jest/globals';
import type { FlowState } from '../../../src/flow/flow-state.ts';
import { RunStateCache, RunStateLayer } from '../../../src/server/storage/run-state-cache.ts';

const STATE = { conclusion: null } as FlowState;

/** What an operation that is committed puts. */
function commit(cache: RunStateCache, run: number, version: number): void {
  const layer = new RunStateLayer(cache);
  layer.put(run, version, STATE);
  layer.applyTo(cache);
}

describe('flow states in memory', () => {
  it('are given out for the version that is asked for, and no other', () => {
    const cache = new RunStateCache();
    commit(cache, 1, 3);
    const layer = new RunStateLayer(cache);
    expect(layer.get(1, 3)).toBe(STATE);
    expect(layer.get(1, 4)).toBeNull();
    expect(layer.get(2, 3)).toBeNull();
  });

  it('of a layer that is not applied are seen in it and nowhere else', () => {
    const cache = new RunStateCache();
    commit(cache, 1, 1);
    const batch = new RunStateLayer(cache);
    const operation = new RunStateLayer(batch);
    operation.put(1, 2, STATE);
    operation.drop(7);
    expect(operation.get(1, 2)).toBe(STATE);
    expect(batch.get(1, 2)).toBeNull();
    operation.applyTo(batch);
    expect(batch.get(1, 2)).toBe(STATE);
    expect(new RunStateLayer(cache).get(1, 1)).toBe(STATE);
  });

  it('that are dropped are gone once that is applied', () => {
    const cache = new RunStateCache();
    commit(cache, 1, 1);
    const layer = new RunStateLayer(cache);
    layer.drop(1);
    expect(layer.get(1, 1)).toBeNull();
    layer.applyTo(cache);
    expect(cache.size).toBe(0);
  });

  it('beyond the limit leave in the order in which they were used last', () => {
    const cache = new RunStateCache(2);
    commit(cache, 1, 1);
    commit(cache, 2, 1);
    new RunStateLayer(cache).get(1, 1);
    commit(cache, 3, 1);
    const layer = new RunStateLayer(cache);
    expect([1, 2, 3].map((run) => layer.get(run, 1) !== null)).toEqual([true, false, true]);
  });
});
