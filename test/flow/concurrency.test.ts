import { describe, expect, it } from '@jest/globals';
import { reduce, start } from '../../src/flow/reduce.ts';
import { begin, type FlowDriver } from './flow-driver.ts';
import { loop, plans, withPlans } from './flow-keys.ts';
import { callable, input, workflow } from './plans.ts';

describe('concurrency of a job', () => {
  it('lets one job of a group run, and the next when it has ended', () => {
    const { flow, first } = begin(input(workflow({ a: { concurrency: 'g' }, b: { concurrency: 'G' }, c: {} })));
    expect(first).toEqual(['start c', 'start a']);
    expect(flow.complete('a', 'failure')).toEqual(['start b']);
    flow.complete('c');
    expect(flow.complete('b')).toEqual(['run failure']);
  });

  it('ends the rounds of a loop that has the group, when a newer job cancels what is in progress', () => {
    const newer = { needs: ['n'], concurrency: { group: 'g', cancelInProgress: true } };
    const body = loop('l', {
      until: 'false',
      concurrency: { group: 'g', cancelInProgress: null },
      jobs: plans({ x: {} }),
    });
    const { flow } = begin(input(withPlans({ l: body, n: {}, b: newer })));
    expect(flow.complete('n')).toEqual(['cancel l@1.x']);
    expect(flow.cancelled.get('l@1.x')).toBe('concurrency');
    expect(flow.complete('l@1.x', 'cancelled')).toEqual(['cancelled l', 'start b']);
    expect(flow.complete('b')).toEqual(['run cancelled']);
  });

  it('keeps groups apart by their evaluated names', () => {
    const { first } = begin(
      input(
        workflow({ a: { concurrency: '${{ github.ref }}-x' }, b: { concurrency: '${{ github.ref }}-y' } }),
        {},
        {},
        { github: { ref: 'main' } },
      ),
    );
    expect(first).toEqual(['start a', 'start b']);
  });

  it('lets a newer one take the place of the one that waits', () => {
    const { flow, first } = begin(
      input(workflow({ a: { concurrency: 'g' }, b: { concurrency: 'g' }, c: { concurrency: 'g' } })),
    );
    expect(first).toEqual(['start a', 'cancelled b']);
    expect(flow.settled.get('b')).toMatchObject({
      reason: 'concurrency',
      message: "A newer job waits for the concurrency group 'g'.",
    });
    expect(flow.complete('a')).toEqual(['start c']);
    expect(flow.complete('c')).toEqual(['run cancelled']);
  });

  it('queues up with queue: max', () => {
    const queue = { group: 'g', cancelInProgress: null, queue: 'max' } as const;
    const { flow, first } = begin(
      input(workflow({ a: { concurrency: queue }, b: { concurrency: queue }, c: { concurrency: queue } })),
    );
    expect(first).toEqual(['start a']);
    expect(flow.complete('a')).toEqual(['start b']);
    expect(flow.complete('b')).toEqual(['start c']);
    expect(flow.complete('c')).toEqual(['run success']);
  });

  it('cancels what finds the queue full', () => {
    const queue = { group: 'g', cancelInProgress: null, queue: 'max' } as const;
    const n = Array.from({ length: 102 }, (_, index) => index);
    const { flow } = begin(input(workflow({ a: { matrix: { n }, concurrency: queue } })));
    expect([...flow.settled.keys()]).toEqual(['a.102']);
    expect(flow.settled.get('a.102')).toMatchObject({ conclusion: 'cancelled', reason: 'concurrency' });
  });

  it('asks the holder to end with cancel-in-progress, and starts when it has', () => {
    const { flow, first } = begin(
      input(workflow({ a: { concurrency: 'g' }, b: { concurrency: { group: 'g', cancelInProgress: '${{ true }}' } } })),
    );
    expect(first).toEqual(['start a', 'cancel a']);
    expect(flow.cancelled.get('a')).toBe('concurrency');
    expect(flow.complete('a', 'cancelled')).toEqual(['start b']);
    expect(flow.complete('b')).toEqual(['run cancelled']);
  });

  it('leaves the first and the last of a matrix in one group', () => {
    const { flow, first } = begin(input(workflow({ a: { matrix: { n: [1, 2, 3, 4] }, concurrency: 'g' } })));
    expect(first).toEqual(['start a.1', 'cancelled a.2', 'cancelled a.3']);
    expect(flow.complete('a.1')).toEqual(['start a.4']);
  });

  it('goes one by one, and loses none, with max-parallel: 1', () => {
    const { flow, first } = begin(
      input(workflow({ a: { matrix: { n: [1, 2, 3] }, concurrency: 'g', strategy: { maxParallel: 1 } } })),
    );
    expect(first).toEqual(['start a.1']);
    expect(flow.complete('a.1')).toEqual(['start a.2']);
    expect(flow.complete('a.2')).toEqual(['start a.3']);
    expect(flow.complete('a.3')).toEqual(['run success']);
  });

  it('is given back by a job that is cancelled while it waits', () => {
    const { flow } = begin(
      input(
        workflow({
          a: { concurrency: 'g' },
          m: { matrix: { n: [1, 2] }, concurrency: "${{ matrix.n == 2 && 'g' || 'h' }}" },
          z: { needs: ['m'], if: 'always()', concurrency: 'g' },
        }),
      ),
    );
    expect(flow.complete('m.1', 'failure')).toEqual(['cancelled m.2']);
    expect(flow.complete('a')).toEqual(['start z']);
  });

  it('is held by a called workflow until it is over', () => {
    const { flow, first } = begin(
      input(workflow({ call: { uses: 'w', concurrency: 'g' }, b: { concurrency: 'g' } }), {
        w: callable({ x: {}, y: { needs: ['x'] } }),
      }),
    );
    expect(first).toEqual(['start call.x']);
    expect(flow.complete('call.x')).toEqual(['start call.y']);
    expect(flow.complete('call.y')).toEqual(['start b']);
  });

  it('of a called workflow counts as of the job that calls it', () => {
    const concurrency = { group: 'g-${{ inputs.env }}', cancelInProgress: null };
    const { flow, first } = begin(
      input(
        workflow({
          one: { uses: 'w', with: { env: 'x' } },
          two: { uses: 'w', with: { env: 'x' } },
          three: { uses: 'w', with: { env: 'y' } },
        }),
        {
          w: callable(
            { job: {} },
            { inputs: { env: { type: 'string', required: true, default: null, options: [], description: null } } },
            { concurrency },
          ),
        },
      ),
    );
    expect(first).toEqual(['start one.job', 'start three.job']);
    expect(flow.complete('one.job')).toEqual(['start two.job']);
  });

  it('cancels the jobs of a called workflow that holds the group', () => {
    const { flow, first } = begin(
      input(
        workflow({
          call: { uses: 'w', concurrency: 'g' },
          b: { concurrency: { group: 'g', cancelInProgress: true } },
        }),
        { w: callable({ x: {}, y: { needs: ['x'] }, z: { needs: ['x'], if: 'always()' } }) },
      ),
    );
    expect(first).toEqual(['start call.x', 'cancel call.x']);
    expect(flow.complete('call.x', 'cancelled')).toEqual(['cancelled call.y', 'start call.z']);
    expect(flow.complete('call.z')).toEqual(['start b']);
  });
});

describe('a concurrency group that would be waited for for ever', () => {
  const message = (group: string) =>
    `It would wait for ever for the concurrency group '${group}', which it holds itself or a workflow around it does.`;

  it('fails a job in a called workflow whose caller holds it', () => {
    const { flow, first } = begin(
      input(workflow({ call: { uses: 'w', concurrency: 'g' } }), { w: callable({ x: { concurrency: 'g' } }) }),
    );
    expect(first).toEqual(['failure call.x', 'run failure']);
    expect(flow.settled.get('call.x')).toMatchObject({ reason: 'concurrency', message: message('g') });
  });

  it('fails a call whose workflow asks for the group of the calling job', () => {
    const w = callable({ x: {} }, {}, { concurrency: { group: 'g', cancelInProgress: true } });
    const { flow, first } = begin(input(workflow({ call: { uses: 'w', concurrency: 'g' } }), { w }));
    expect(first).toEqual(['failure call', 'run failure']);
    expect(flow.settled.get('call')?.message).toBe(message('g'));
  });

  it('fails the second of two calls that hold what a job of the other asks for', () => {
    const { flow, first } = begin(
      input(workflow({ one: { uses: 'v', concurrency: 'g' }, two: { uses: 'w', concurrency: 'h' } }), {
        v: callable({ x: { concurrency: 'h' } }),
        w: callable({ x: { concurrency: 'g' } }),
      }),
    );
    // one.x waits for h, so that nothing but two.x can give way.
    expect(first).toEqual(['failure two.x', 'start one.x']);
    expect(flow.complete('one.x')).toEqual(['run failure']);
  });

  it('fails fast: a sibling is not started any more', () => {
    const x = { matrix: { n: [1, 2] }, concurrency: "${{ matrix.n == 1 && 'g' || 'h' }}" };
    const { first } = begin(input(workflow({ call: { uses: 'w', concurrency: 'g' } }), { w: callable({ x }) }));
    expect(first).toEqual(['failure call.x.1', 'cancelled call.x.2', 'run failure']);
  });

  it('does not mistake a caller with a similar name for one around it', () => {
    const { first } = begin(
      input(workflow({ call: { concurrency: 'g' }, 'call-2': { uses: 'w' } }), {
        w: callable({ x: { concurrency: 'g' } }),
      }),
    );
    expect(first).toEqual(['start call']);
  });
});

describe('concurrency of a run', () => {
  const queue = { group: 'run-${{ github.ref }}', cancelInProgress: null };
  const jobs = { a: {}, b: { if: 'always()' } };
  const contexts = { github: { ref: 'Main' } };
  const held = (flow: FlowDriver) => flow.groups.held;

  it('is asked for before any of its jobs, and given back at its end', () => {
    const { flow, first } = begin(input(workflow(jobs, { concurrency: queue }), {}, {}, contexts));
    expect(flow.commands[0]).toMatchObject({ kind: 'acquire-group', key: '', request: { group: 'run-main' } });
    expect(first).toEqual(['start a', 'start b']);
    expect(held(flow)).toEqual(['run-main']);
    flow.complete('a');
    expect(flow.complete('b')).toEqual(['run success']);
    expect(held(flow)).toEqual([]);
  });

  it('cancels every job of a run whose place a newer one took, whatever its condition', () => {
    const { state } = start(input(workflow(jobs, { concurrency: queue }), {}, {}, contexts));
    const message = 'A newer run waits.';
    const refused = { kind: 'group-refused', key: '', group: 'run-main', conclusion: 'cancelled', message } as const;
    const { commands } = reduce(state, refused);
    expect(commands).toMatchObject([
      { kind: 'release-group', key: '', group: 'run-main' },
      { kind: 'job-settled', key: 'a', conclusion: 'cancelled', reason: 'concurrency' },
      { kind: 'job-settled', key: 'b', conclusion: 'cancelled', reason: 'concurrency' },
      { kind: 'run-completed', conclusion: 'cancelled' },
    ]);
  });

  it('cancels the run that holds the group when it is wanted, as a user does', () => {
    const { flow } = begin(input(workflow(jobs, { concurrency: queue }), {}, {}, contexts));
    expect(flow.send({ kind: 'group-wanted', key: '' })).toEqual(['cancel a']);
    flow.complete('a', 'cancelled');
    expect(flow.complete('b')).toEqual(['run cancelled']);
  });

  it('lets a run that waits be cancelled by its user', () => {
    const { state } = start(input(workflow(jobs, { concurrency: queue }), {}, {}, contexts));
    const step = reduce(state, { kind: 'cancel', cause: 'user', force: false });
    expect(step.commands.at(-1)).toEqual({ kind: 'run-completed', conclusion: 'cancelled' });
    const granted = reduce(state, { kind: 'group-granted', key: '', group: 'run-main' });
    expect(granted.commands.map(({ kind }) => kind)).toEqual(['start-job', 'start-job']);
    expect(reduce(step.state, { kind: 'group-granted', key: '', group: 'run-main' }).commands).toEqual([]);
  });

  it('fails a job that asks for the group of its own run', () => {
    const { first } = begin(input(workflow({ a: { concurrency: 'G' } }, { concurrency: { ...queue, group: 'g' } })));
    expect(first).toEqual(['failure a', 'run failure']);
  });

  it('fails the run with a sentence when its group cannot be evaluated', () => {
    const concurrency = { ...queue, group: "${{ fromJSON('x') }}" };
    const { flow, first } = begin(input(workflow({ a: {}, b: { needs: ['a'], if: 'always()' } }, { concurrency })));
    expect(first).toEqual(['failure a', 'failure b', 'run failure']);
    expect(flow.settled.get('b')).toMatchObject({ reason: 'condition-error', message: expect.any(String) });
  });
});
