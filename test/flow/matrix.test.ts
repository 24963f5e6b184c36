import { describe, expect, it } from '@jest/globals';
import { start } from '../../src/flow/reduce.ts';
import { begin } from './flow-driver.ts';
import { input, workflow, type JobSketch } from './plans.ts';

const three = { n: [1, 2, 3] };
const one = (sketch: JobSketch) => begin(input(workflow({ a: sketch })));

describe('matrix', () => {
  it('starts one job for each instance, numbered from 1, with its contexts', () => {
    const { flow, first } = one({ matrix: { os: ['linux', 'mac'], node: [20] } });
    expect(first).toEqual(['start a.1', 'start a.2']);
    expect(flow.started.get('a.2')).toMatchObject({
      id: 'a',
      instance: 2,
      displayName: 'a (mac, 20)',
      contexts: {
        matrix: { os: 'mac', node: 20 },
        strategy: { 'fail-fast': true, 'job-index': 1, 'job-total': 2, 'max-parallel': 2 },
      },
    });
  });

  it('gives a job without a matrix no number and no matrix', () => {
    expect(one({}).flow.started.get('a')).toMatchObject({
      instance: 0,
      displayName: 'a',
      contexts: {
        matrix: null,
        strategy: { 'fail-fast': true, 'job-index': 0, 'job-total': 1, 'max-parallel': 1 },
      },
    });
  });

  it('is evaluated when everything it needs is done', () => {
    const { flow } = begin(
      input(workflow({ a: {}, b: { needs: ['a'], matrix: '${{ fromJSON(needs.a.outputs.list) }}' } })),
    );
    expect(flow.complete('a', 'success', { list: '{"x": ["p", "q"], "include": [{"x": "r"}]}' })).toEqual([
      'start b.1',
      'start b.2',
      'start b.3',
    ]);
  });

  it('takes expressions in any place of it', () => {
    const { flow } = begin(
      input(
        workflow({
          a: {
            matrix: {
              os: '${{ fromJSON(\'["l", "m"]\') }}',
              '${{ vars.KEY }}': ['${{ vars.VALUE }}'],
              include: [{ os: '${{ vars.OS }}', only: true }],
            },
          },
        }),
        {},
        {},
        { vars: { KEY: 'k', VALUE: 'v', OS: 'l' } },
      ),
    );
    expect([...flow.started.values()].map((job) => job.contexts.matrix)).toEqual([
      { os: 'l', k: 'v', only: true },
      { os: 'm', k: 'v' },
    ]);
  });

  it('waits for all instances and shows the worst of their results', () => {
    const { flow } = begin(
      input(workflow({ a: { matrix: three, strategy: { failFast: false } }, b: { needs: ['a'], if: 'always()' } })),
    );
    flow.complete('a.2', 'failure');
    flow.complete('a.1', 'cancelled');
    expect(flow.complete('a.3')).toEqual(['start b']);
    expect(flow.started.get('b')?.contexts.needs).toEqual({ a: { result: 'failure', outputs: {} } });
    expect(flow.complete('b')).toEqual(['run failure']);
  });

  it('takes each output from the last instance that completed with a value', () => {
    const { flow } = begin(input(workflow({ a: { matrix: three }, b: { needs: ['a'] } })));
    flow.complete('a.3', 'success', { x: 'three', y: 'three' });
    flow.complete('a.1', 'success', { x: 'one', y: '' });
    flow.complete('a.2', 'success', { z: 'two' });
    expect(flow.started.get('b')?.contexts.needs).toMatchObject({
      a: { outputs: { x: 'one', y: 'three', z: 'two' } },
    });
  });

  it('runs the job without a matrix when everything is excluded, as GitHub does', () => {
    const { flow, first } = one({ matrix: { n: [1], exclude: [{ n: 1 }] } });
    expect(first).toEqual(['start a']);
    expect(flow.started.get('a')?.contexts.matrix).toBeNull();
  });

  it.each<[JobSketch, string]>([
    [{ matrix: { n: [] } }, '`matrix.n` has no values.'],
    [{ matrix: "${{ fromJSON('[]') }}" }, '`matrix` takes a mapping, but it is a list.'],
    [{ matrix: '${{ needs.x.y.z }}${{ 1 }}' }, '`matrix` takes a mapping, but it is text.'],
    [{ matrix: three, strategy: { failFast: 'false' } }, '`fail-fast` takes true or false, but it is text.'],
    [{ matrix: three, strategy: { maxParallel: '2' } }, '`max-parallel` takes a number, but it is text.'],
  ])('fails the job, without an instance, for %j', (sketch, message) => {
    const { flow, first } = one(sketch);
    expect(first).toEqual(['failure a', 'run failure']);
    expect(flow.settled.get('a')).toMatchObject({ instance: 0, reason: 'condition-error', message });
  });

  it('is not evaluated for a job that is skipped', () => {
    expect(one({ if: 'false', matrix: { n: [] } }).first).toEqual(['skipped a', 'run success']);
  });

  it('fails the job when the run would get too large', () => {
    const values = Array.from({ length: 256 }, (_, index) => index);
    const jobs = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`j${index}`, { matrix: { values } }]));
    const { commands } = start(input(workflow(jobs)));
    expect(commands.filter(({ kind }) => kind === 'start-job')).toHaveLength(39 * 256);
    expect(commands.find(({ kind }) => kind === 'job-settled')).toMatchObject({
      key: 'j39',
      conclusion: 'failure',
      reason: 'run-limit',
      message: 'The run would have more than 10000 jobs.',
    });
  });
});

describe('names', () => {
  const names = (sketch: JobSketch) => [...one(sketch).flow.started.values()].map((job) => job.displayName);

  it.each<[JobSketch, string[]]>([
    [{}, ['a']],
    [{ name: 'Build' }, ['Build']],
    [{ name: '' }, ['a']],
    [{ name: 7 }, ['7']],
    [{ matrix: { n: [1, 2] } }, ['a (1)', 'a (2)']],
    [{ name: 'Build', matrix: { n: [1, 2] } }, ['Build (1)', 'Build (2)']],
    [{ name: 'Build ${{ matrix.n }}!', matrix: { n: [1, 2] } }, ['Build 1!', 'Build 2!']],
    [{ name: '${{ github.x }}', matrix: { n: [1] } }, ['a (1)']],
    [{ name: '${{ strategy.job-index }}', matrix: { n: [1] } }, ['0']],
    [{ matrix: { n: [{ deep: ['x', true] }], include: [{ n: { deep: ['x', true] }, extra: 'no' }] } }, ['a (x, true)']],
    [{ matrix: { n: [''] } }, ['a']],
    [{ matrix: { n: ['x'.repeat(200)] } }, [`a (${'x'.repeat(94)}...`]],
  ])('of %j are %j', (sketch, expected) => {
    expect(names(sketch)).toEqual(expected);
  });

  it.each<[JobSketch, string]>([
    [{ name: 'Build' }, 'Build'],
    [{ name: 'Build ${{ matrix.n }}' }, 'a'],
    [{ name: 'Build ${{ github.ref }}' }, 'Build main'],
    [{ name: "Build ${{ fromJSON('x') }}" }, 'a'],
  ])('of a skipped job with %j is %s', (sketch, expected) => {
    const { flow } = begin(
      input(workflow({ a: { if: 'false', matrix: { n: [1, 2] }, ...sketch } }), {}, {}, { github: { ref: 'main' } }),
    );
    expect(flow.settled.get('a')).toMatchObject({ key: 'a', instance: 0, name: expected, matrix: null });
  });
});

describe('fail-fast', () => {
  it('asks running instances to end and cancels those that wait', () => {
    const { flow } = one({ matrix: { n: [1, 2, 3, 4] }, strategy: { maxParallel: 2 } });
    expect(flow.complete('a.2', 'failure')).toEqual(['cancel a.1', 'cancelled a.3', 'cancelled a.4']);
    expect(flow.cancelled.get('a.1')).toBe('fail-fast');
    expect(flow.settled.get('a.3')).toMatchObject({ reason: 'fail-fast', matrix: { n: 3 }, name: 'a (3)' });
    expect(flow.complete('a.1', 'cancelled')).toEqual(['run failure']);
  });

  it('asks once, however many fail', () => {
    const { flow } = one({ matrix: three });
    expect(flow.complete('a.1', 'failure')).toEqual(['cancel a.2', 'cancel a.3']);
    expect(flow.complete('a.2', 'failure')).toEqual([]);
    expect(flow.complete('a.3', 'success')).toEqual(['run failure']);
  });

  it('leaves the others alone when it is off', () => {
    const { flow } = one({ matrix: three, strategy: { failFast: false } });
    expect(flow.complete('a.1', 'failure')).toEqual([]);
    expect(flow.started.get('a.1')?.contexts.strategy).toMatchObject({ 'fail-fast': false });
  });

  it('follows an expression', () => {
    const { flow } = one({ matrix: three, strategy: { failFast: '${{ 1 == 2 }}' } });
    expect(flow.complete('a.1', 'failure')).toEqual([]);
  });

  it('takes no notice of a failure that continue-on-error allows, or of a cancelled instance', () => {
    const { flow } = one({ matrix: three, continueOnError: '${{ matrix.n == 1 }}' });
    expect(flow.complete('a.1', 'failure')).toEqual([]);
    expect(flow.complete('a.2', 'cancelled')).toEqual([]);
    expect(flow.complete('a.3')).toEqual(['run cancelled']);
  });

  it('does not reach other jobs', () => {
    const { flow } = begin(input(workflow({ a: { matrix: three }, b: { matrix: three } })));
    flow.complete('a.1', 'failure');
    expect([...flow.cancelled.keys()]).toEqual(['a.2', 'a.3']);
  });
});

describe('max-parallel', () => {
  it('starts the next instance when one has ended', () => {
    const { flow, first } = one({ matrix: three, strategy: { maxParallel: 2 } });
    expect(first).toEqual(['start a.1', 'start a.2']);
    expect(flow.started.get('a.1')?.contexts.strategy).toMatchObject({ 'max-parallel': 2 });
    expect(flow.complete('a.1')).toEqual(['start a.3']);
    expect(flow.complete('a.3')).toEqual([]);
    expect(flow.complete('a.2')).toEqual(['run success']);
  });

  it('goes on after a failure when fail-fast is off', () => {
    const { flow } = one({ matrix: three, strategy: { maxParallel: 1, failFast: false } });
    expect(flow.complete('a.1', 'failure')).toEqual(['start a.2']);
  });

  it('is no limit at 0', () => {
    expect(one({ matrix: three, strategy: { maxParallel: 0 } }).first).toHaveLength(3);
  });

  it('gives the place of an instance that cannot start to the next', () => {
    const { flow, first } = one({
      matrix: three,
      strategy: { maxParallel: 1, failFast: false },
      timeoutMinutes: "${{ matrix.n == 1 && 'soon' || 5 }}",
    });
    expect(first).toEqual(['failure a.1', 'start a.2']);
    expect(flow.settled.get('a.1')?.message).toBe('`timeout-minutes` takes a number, but it is text.');
  });

  it('starts none when an instance fails to start and fail-fast is on', () => {
    const { first } = one({ matrix: three, timeoutMinutes: "${{ matrix.n == 2 && 'soon' || 5 }}" });
    expect(first).toEqual(['failure a.2', 'cancelled a.1', 'cancelled a.3', 'run failure']);
  });
});
