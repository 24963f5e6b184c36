import { describe, expect, it } from '@jest/globals';
import type { EarlierResult } from '../../src/flow/flow-input.ts';
import type { JsonMap } from '../../src/protocol/job-message.ts';
import { begin } from './flow-driver.ts';
import { gate, keys, withPlans } from './flow-keys.ts';
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

  it('waits for nothing when all of the job is kept: no approval, no time, no group', () => {
    const stage = { number: 0, waitsFor: [], startsAfter: [], tolerant: false, delayBeforeMs: 9, delayAfterMs: 9 };
    const waits = keys({ waitFor: WAIT, startAt: '2030-01-31T06:00:00Z', stage });
    const jobs = {
      a: { flow: waits, concurrency: 'g' },
      m: { matrix: { n: [1, 2] }, flow: waits },
      z: { needs: ['a', 'm'] },
    };
    const earlier = { a: success(), m: success(), 'm.1': success(), 'm.2': success() };
    const { flow, first } = begin(input(workflow(jobs), {}, { earlier }));
    expect(first).toEqual(['kept a', 'kept m.1', 'kept m.2', 'start z']);
    expect(flow.complete('z')).toEqual(['run success']);
  });

  it('leaves alone an instance that the job did not need, and starts one that is new', () => {
    const withdrawn: EarlierResult = { conclusion: 'withdrawn', reason: 'completed', outputs: {} };
    const earlier = { m: success(), 'm.1': withdrawn, 'm.2': success() };
    const jobs = { m: { matrix: { n: [1, 2, 3] } }, z: { needs: ['m'] } };
    const { flow, first } = begin(input(workflow(jobs), {}, { earlier }));
    expect(first).toEqual(['withdrawn m.1', 'kept m.2', 'start m.3']);
    expect(flow.complete('m.3')).toEqual(['start z']);
  });

  it('is asked for again where an instance of the job runs again', () => {
    const job = { matrix: { n: [1, 2] }, flow: keys({ waitFor: WAIT }) };
    const { flow, first } = begin(input(workflow({ a: job }), {}, { earlier: { 'a.1': success() } }));
    expect(first).toEqual(['job-waits']);
    expect(flow.signal('ok')).toEqual(['kept a.1', 'start a.2']);
  });

  it('may be a gate, which gives what it gave', () => {
    const by = gate('by', { outputs: { who: '${{ flow.signal.by }}' }, flow: keys({ waitFor: WAIT }) });
    const plan = withPlans({ by, z: { needs: ['by'] } });
    const { flow, first } = begin(input(plan, {}, { earlier: { by: success({ who: 'ann' }) } }));
    expect(first).toEqual(['success by', 'start z']);
    expect(flow.started.get('z')?.contexts.needs).toEqual({ by: { result: 'success', outputs: { who: 'ann' } } });
  });
});

const WAIT = { signals: ['ok'], buffered: true, timeoutMinutes: null, from: [] };
