import { describe, expect, it } from '@jest/globals';
import type { EarlierResult } from '../../src/flow/flow-input.ts';
import type { JsonMap } from '../../src/protocol/job-message.ts';
import { begin } from './flow-driver.ts';
import { callable, input, workflow } from './plans.ts';

const success = (outputs: JsonMap = {}): EarlierResult => ({ conclusion: 'success', reason: null, outputs });

describe('what ended in an earlier attempt of the run', () => {
  it('is not started again, and its outputs stay', () => {
    const earlier = { build: success({ version: '7' }) };
    const { flow, first } = begin(input(workflow({ build: {}, test: { needs: ['build'] } }), {}, { earlier }, {}));
    expect(first).toEqual(['kept build', 'start test']);
    expect(flow.started.get('test')?.contexts.needs).toEqual({
      build: { result: 'success', outputs: { version: '7' } },
    });
    expect(flow.complete('test')).toEqual(['run success']);
  });

  it('is one instance of a matrix beside others that run again, without a place of max-parallel', () => {
    const job = { matrix: { n: [1, 2, 3] }, strategy: { maxParallel: 1 }, concurrency: 'g' };
    const { flow, first } = begin(
      input(workflow({ a: job, b: { needs: ['a'] } }), {}, { earlier: { 'a.1': success(), 'a.3': success() } }),
    );
    expect(first).toEqual(['kept a.1', 'kept a.3', 'start a.2']);
    expect(flow.complete('a.2')).toEqual(['start b']);
  });

  it('may be in a called workflow', () => {
    const w = callable({ x: { outputs: { v: 'x' } }, y: { needs: ['x'] } });
    const { flow, first } = begin(
      input(workflow({ call: { uses: 'w' }, after: { needs: ['call'] } }), { w }, { earlier: { 'call.x': success() } }),
    );
    expect(first).toEqual(['kept call.x', 'start call.y']);
    expect(flow.complete('call.y')).toEqual(['start after']);
  });

  it('is all there is: the run ends at once', () => {
    const { first } = begin(input(workflow({ a: {} }), {}, { earlier: { a: success() } }));
    expect(first).toEqual(['kept a', 'run success']);
  });
});
