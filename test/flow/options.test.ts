import { describe, expect, it } from '@jest/globals';
import { start } from '../../src/flow/reduce.ts';
import { begin } from './flow-driver.ts';
import { input, workflow } from './plans.ts';

const chain = workflow({ a: {}, other: {}, b: { needs: ['a'] }, c: { needs: ['b', 'other'] }, d: { needs: ['c'] } });

describe('running one job', () => {
  it('runs it and what it needs, and nothing else is heard of', () => {
    const { flow, first } = begin(input(chain, {}, { job: 'b' }));
    expect(first).toEqual(['start a']);
    expect(flow.complete('a', 'success', { x: '1' })).toEqual(['start b']);
    expect(flow.complete('b')).toEqual(['run success']);
    expect([...flow.ended.keys()]).toEqual(['a', 'b']);
  });

  it('brings along what its needs need', () => {
    expect(begin(input(chain, {}, { job: 'D' })).first).toEqual(['start a', 'start other']);
  });

  it('runs it alone, as if what it needs had succeeded', () => {
    const { flow, first } = begin(input(chain, {}, { job: 'c', withNeeds: false }));
    expect(first).toEqual(['start c']);
    expect(flow.started.get('c')?.contexts.needs).toEqual({
      b: { result: 'success', outputs: {} },
      other: { result: 'success', outputs: {} },
    });
    expect(flow.complete('c')).toEqual(['run success']);
  });

  it('obeys its condition all the same', () => {
    const plan = workflow({ a: { if: 'false' }, b: { needs: ['a'] } });
    expect(begin(input(plan, {}, { job: 'b' })).first).toEqual(['skipped a', 'skipped b', 'run success']);
  });

  it('refuses a job that is not there', () => {
    expect(() => start(input(chain, {}, { job: 'x' }))).toThrow("the workflow has no job 'x'");
  });
});

describe('running some instances', () => {
  const plan = workflow({ a: { matrix: { os: ['linux', 'mac'], node: [18, 20] } }, b: { matrix: { x: [1] } }, c: {} });
  const run = (...matrix: [string, string][]) =>
    begin(input(plan, {}, { matrix: matrix.map(([key, value]) => ({ key, value })) }));

  it('keeps the instances with the value, and their numbers and contexts', () => {
    const { flow, first } = run(['os', 'mac']);
    expect(first).toEqual(['start a.3', 'start a.4', 'start b.1', 'start c']);
    expect(flow.started.get('a.4')?.contexts.strategy).toMatchObject({ 'job-index': 3, 'job-total': 4 });
  });

  it('takes several keys together and several values of a key for alternatives', () => {
    expect(run(['os', 'mac'], ['node', '20']).first[0]).toBe('start a.4');
    expect(run(['node', '18'], ['node', '20']).first).toHaveLength(6);
  });

  it('skips a job none of whose instances has the value', () => {
    const { flow } = run(['os', 'windows']);
    expect(flow.settled.get('a')).toMatchObject({
      conclusion: 'skipped',
      message: 'No instance of its matrix was asked for.',
    });
    expect(flow.running.has('b.1')).toBe(true);
  });
});
