import { describe, expect, it } from '@jest/globals';
import { begin } from './flow-driver.ts';
import { each, keys, loop, ofRun, plans, withPlans } from './flow-keys.ts';
import { callable, input, workflow } from './plans.ts';

describe('cancelling the run', () => {
  it('asks running jobs to end and cancels those that wait for them when they have', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, c: { needs: ['a'] }, d: { needs: ['c'] } })));
    flow.complete('b');
    expect(flow.cancel()).toEqual(['cancel a']);
    expect(flow.cancelled.get('a')).toBe('user');
    expect(flow.complete('a', 'cancelled')).toEqual(['cancelled c', 'cancelled d', 'run cancelled']);
    expect(flow.neverStarted).toEqual({ c: 'cancelled cancelled-by-user', d: 'cancelled cancelled-by-user' });
  });

  it('carries its cause', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    flow.send({ kind: 'cancel', cause: 'concurrency', force: false });
    expect(flow.cancelled.get('a')).toBe('concurrency');
    flow.complete('a', 'cancelled');
    expect(flow.neverStarted).toEqual({ b: 'cancelled concurrency' });
  });

  it('cancels instances that wait for a place or a concurrency group', () => {
    const { flow } = begin(
      input(
        workflow({
          a: { matrix: { n: [1, 2, 3] }, strategy: { maxParallel: 1 } },
          b: { concurrency: 'g' },
          c: { concurrency: 'g' },
        }),
      ),
    );
    expect(flow.cancel()).toEqual(['cancel a.1', 'cancelled a.2', 'cancelled a.3', 'cancel b', 'cancelled c']);
    flow.complete('a.1', 'cancelled');
    expect(flow.complete('b', 'cancelled')).toEqual(['run cancelled']);
  });

  it('starts a job whose condition holds in a cancelled run, after what it needs has ended', () => {
    const { flow } = begin(
      input(
        workflow({
          a: {},
          b: { needs: ['a'] },
          always: { needs: ['b'], if: 'always()' },
          cancelled: { needs: ['a'], if: 'cancelled()' },
          not: { needs: ['a'], if: '!cancelled()' },
          failed: { needs: ['a'], if: 'failure()' },
        }),
      ),
    );
    flow.cancel();
    expect(flow.complete('a', 'cancelled')).toEqual([
      'cancelled b',
      'cancelled not',
      'skipped failed',
      'start cancelled',
      'start always',
    ]);
    flow.complete('always');
    expect(flow.complete('cancelled')).toEqual(['run cancelled']);
  });

  it('spares a running job whose condition still holds, as GitHub does', () => {
    const { flow } = begin(
      input(workflow({ a: { if: 'always()' }, b: { if: "cancelled() || github.ref == ''" }, c: { if: 'success()' } })),
    );
    expect(flow.cancel()).toEqual(['cancel c']);
    flow.complete('c', 'cancelled');
    flow.complete('a');
    expect(flow.complete('b')).toEqual(['run cancelled']);
  });

  it('goes on with the instances of a job that it spares', () => {
    const { flow } = begin(
      input(workflow({ a: { if: 'always()', matrix: { n: [1, 2] }, strategy: { maxParallel: 1 } } })),
    );
    expect(flow.cancel()).toEqual([]);
    expect(flow.complete('a.1')).toEqual(['start a.2']);
  });

  it('spares none with force, and starts nothing after it', () => {
    const { flow } = begin(
      input(workflow({ a: { if: 'always()' }, b: { needs: ['a'], if: 'always()' }, c: { needs: ['b'] } })),
    );
    expect(flow.cancel()).toEqual([]);
    expect(flow.cancel(true)).toEqual(['cancel a']);
    expect(flow.complete('a', 'cancelled')).toEqual(['cancelled b', 'cancelled c', 'run cancelled']);
  });

  it('asks a job to end once', () => {
    const { flow } = begin(input(workflow({ a: {} })));
    expect(flow.cancel()).toEqual(['cancel a']);
    expect(flow.cancel()).toEqual([]);
    expect(flow.cancel(true)).toEqual([]);
  });

  it('leaves a failure a failure, and what it skipped skipped', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, c: { needs: ['a'] }, d: { needs: ['b'] } })));
    flow.complete('a', 'failure');
    flow.cancel();
    expect(flow.complete('b', 'failure')).toEqual(['skipped d', 'run failure']);
    expect(flow.neverStarted).toEqual({ c: 'skipped needs', d: 'skipped needs' });
  });

  it('skips what a failure keeps from running, whatever was cancelled beside it', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, c: { needs: ['a', 'b'] } })));
    flow.cancel();
    flow.complete('a', 'cancelled');
    flow.complete('b', 'failure');
    expect(flow.neverStarted).toEqual({ c: 'skipped needs' });
  });

  it('keeps its first cause', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    flow.cancel();
    flow.send({ kind: 'cancel', cause: 'concurrency', force: true });
    flow.complete('a', 'cancelled');
    expect(flow.neverStarted).toEqual({ b: 'cancelled cancelled-by-user' });
  });

  it('is a cancelled run even when every job still succeeded', () => {
    const { flow } = begin(input(workflow({ a: {} })));
    flow.cancel();
    expect(flow.complete('a')).toEqual(['run cancelled']);
  });

  it('skips what would have been skipped anyway', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'], if: "github.ref == 'x'" } })));
    flow.cancel();
    flow.complete('a', 'cancelled');
    expect(flow.neverStarted).toEqual({ b: 'skipped needs' });
  });

  it('reaches the jobs of called workflows', () => {
    const { flow } = begin(
      input(workflow({ c: { uses: 'v' }, d: { needs: ['c'] } }), {
        v: callable({ i: { uses: 'w' } }),
        w: callable({ x: {}, y: { needs: ['x'] }, z: { needs: ['y'], if: 'always()' } }),
      }),
    );
    expect(flow.cancel()).toEqual(['cancel c.i.x']);
    expect(flow.complete('c.i.x', 'cancelled')).toEqual(['cancelled c.i.y', 'start c.i.z']);
    expect(flow.complete('c.i.z')).toEqual(['cancelled d', 'run cancelled']);
  });

  it('leaves a called workflow alone whose caller it spares, until force', () => {
    const { flow } = begin(
      input(workflow({ c: { uses: 'w', if: 'always()' } }), { w: callable({ x: {}, y: { needs: ['x'] } }) }),
    );
    expect(flow.cancel()).toEqual([]);
    expect(flow.cancel(true)).toEqual(['cancel c.x']);
    expect(flow.complete('c.x', 'success')).toEqual(['cancelled c.y', 'run cancelled']);
  });

  it('lets a workflow that is called after it run, and know of it', () => {
    const { flow } = begin(
      input(workflow({ a: {}, clean: { needs: ['a'], if: 'always()', uses: 'w' } }), {
        w: callable({ x: {}, y: { if: 'cancelled()' }, z: { if: '!cancelled()' } }),
      }),
    );
    flow.cancel();
    expect(flow.complete('a', 'cancelled')).toEqual(['skipped clean.z', 'start clean.x', 'start clean.y']);
  });
});

describe('cancelling one time of a job by its key', () => {
  it.each([{ concurrency: null }, { concurrency: { group: 'g', cancelInProgress: null } }])(
    'ends the rounds of a loop, the other times go on: %j',
    ({ concurrency }) => {
      const queue = concurrency && { ...concurrency, queue: 'max' as const, limit: 2 };
      const body = loop('l', {
        ...{ until: 'false', concurrency: queue, needs: ['a', 'b'], flow: each() },
        jobs: plans({ x: {}, y: { needs: ['x'] } }),
      });
      const { flow } = begin(input(withPlans({ a: {}, b: {}, l: body, n: { needs: ['l'] } })));
      flow.complete('a');
      expect(flow.complete('b')).toEqual(['start l~2@1.x']);
      expect(flow.ask({ kind: 'cancel', target: 'l~2' })).toEqual(['cancel l~2@1.x', 'cancelled l~2@1.y']);
      expect(flow.complete('l~2@1.x', 'cancelled')).toEqual(['job-concluded', 'cancelled l~2']);
      flow.ask({ kind: 'cancel', target: 'l~2' });
      expect(flow.refused).toBe("The job 'l~2' has ended.");
      flow.ask({ kind: 'cancel', target: 'l' });
      expect(flow.complete('l@1.x', 'cancelled').at(-1)).toBe('run cancelled');
    },
  );

  it('ends what is before it', () => {
    const flow = keys({ join: { mode: 'each', batch: 1 }, before: plans({ x: {} }) });
    const run = begin(input(workflow({ a: {}, b: {}, p: { needs: ['a', 'b'], flow } }))).flow;
    run.complete('a');
    expect(run.complete('b')).toEqual(['start p~2@before.x']);
    expect(run.ask({ kind: 'cancel', target: 'p~2' })).toEqual(['cancel p~2@before.x']);
    expect(run.complete('p~2@before.x', 'cancelled')).toEqual(['job-concluded', 'cancelled p~2']);
  });
});

describe('a failure that ends the rest of its workflow', () => {
  it.each([true, false])('does so as the inputs of the called workflow say: %s', (fast) => {
    const fail = ofRun({ failFast: '${{ inputs.fast }}' });
    const trigger = {
      inputs: { fast: { type: 'boolean', required: true, default: null, options: [], description: null } },
    } as const;
    const w = { ...callable({ x: {}, y: {} }, trigger), flow: fail };
    const { flow } = begin(
      input(workflow({ c: { uses: 'w', with: { fast } } }), { w }, {}, { inputs: { fast: !fast } }),
    );
    expect(flow.complete('c.x', 'failure')).toEqual(fast ? ['cancel c.y'] : []);
  });
});
