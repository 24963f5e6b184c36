import { describe, expect, it } from '@jest/globals';
import { JobState } from '../../src/steps/job-state.ts';
import { NO_EFFECTS } from '../../src/steps/step-effects.ts';

const jobState = (): JobState => new JobState({ env: new Map([['A', '1']]), path: ['/first'], jobStatus: null });
const end = (effects = {}, outcome: 'success' | 'failure' = 'success') => ({
  outcome,
  conclusion: outcome,
  effects: { ...NO_EFFECTS, ...effects },
});

describe('the state of a job', () => {
  it('what was handed out before a commit stays as it was', () => {
    const state = jobState();
    const { env, path, steps } = state;
    state.commit('a', end({ env: new Map([['A', '2']]), path: ['/second'], outputs: new Map([['o', 'x']]) }));
    expect([env.get('A'), path, steps]).toEqual(['1', ['/first'], {}]);
    expect([state.env.get('A'), state.path]).toEqual(['2', ['/second', '/first']]);
    expect(state.steps).toEqual({ a: { outputs: { o: 'x' }, outcome: 'success', conclusion: 'success' } });
  });

  it('a step that changes nothing leaves the environment the same object', () => {
    const state = jobState();
    const { env } = state;
    state.commit('a', end());
    expect(state.env).toBe(env);
  });

  it('the last entry written is searched first, and no entry is there twice', () => {
    const state = jobState();
    state.commit('a', end({ path: ['/x', '/y', '/x', '/first'] }));
    expect(state.path).toEqual(['/first', '/x', '/y']);
  });

  it('a commit without an id, or with a generated one, is in no context', () => {
    const state = jobState();
    state.commit(null, end({ env: new Map([['B', '2']]) }));
    state.commit('__run', end());
    expect(state.steps).toEqual({});
    expect(state.env.get('B')).toBe('2');
  });

  it('only a failure changes the status, and cancelled outranks it', () => {
    const state = jobState();
    for (const conclusion of ['skipped', 'cancelled', 'success'] as const) state.fold(conclusion);
    expect(state.status).toBe('success');
    state.fold('failure');
    expect(state.statusFunctions).toEqual({ success: false, failure: true, cancelled: false });
    state.cancel();
    state.fold('failure');
    expect(state.statusFunctions).toEqual({ success: false, failure: false, cancelled: true });
  });
});

describe('the state of a composite action', () => {
  it('what its steps wrote becomes its own effects, in the order written', () => {
    const outer = jobState();
    const inner = new JobState({ env: outer.env, path: outer.path, jobStatus: () => outer.status });
    inner.commit('one', end({ env: new Map([['A', '2']]), path: ['/x', '/y'] }));
    inner.commit('two', end({ env: new Map([['B', '3']]), path: ['/x'] }));
    expect(inner.written).toEqual({
      outputs: new Map(),
      env: new Map([
        ['A', '2'],
        ['B', '3'],
      ]),
      path: ['/y', '/x'],
    });
    outer.commit('composite', end(inner.written));
    expect(outer.path).toEqual(inner.path);
    expect(outer.env).toEqual(inner.env);
  });

  it('success() and failure() look at the action, cancelled() at the job', () => {
    const outer = jobState();
    const inner = new JobState({ env: outer.env, path: [], jobStatus: () => outer.status });
    outer.fold('failure');
    expect(inner.statusFunctions).toEqual({ success: true, failure: false, cancelled: false });
    inner.fold('failure');
    outer.cancel();
    expect(inner.statusFunctions).toEqual({ success: false, failure: true, cancelled: true });
    expect(inner.jobStatus).toBe('cancelled');
  });
});
