import { describe, expect, it } from '@jest/globals';
import type { CompleteWhenPlan, InstancesPlan, RetryPlan } from '../../src/protocol/flow-plan.ts';
import type { StrategyPlan } from '../../src/protocol/plan.ts';
import { begin } from './flow-driver.ts';
import { keys, ofRun, plans } from './flow-keys.ts';
import { callable, input, workflow } from './plans.ts';

const multiple = (said: Partial<InstancesPlan>, more: Partial<StrategyPlan> = {}) => ({
  strategy: {
    ...more,
    multiple: { instances: null, dynamic: false, sync: true, completeWhen: null, ...said },
  },
});
const when = (said: Partial<CompleteWhenPlan>): CompleteWhenPlan => ({ count: null, if: null, rest: 'run', ...said });

describe('instances', () => {
  it('are as many as an output says, numbered from 1', () => {
    const { flow } = begin(
      input(workflow({ a: {}, p: { needs: ['a'], ...multiple({ instances: '${{ needs.a.outputs.n }}' }) } })),
    );
    expect(flow.complete('a', 'success', { n: '2' })).toEqual(['start p.1', 'start p.2']);
    expect(flow.started.get('p.2')?.displayName).toBe('p (2)');
  });

  it('of which there are none skip the job', () => {
    const { flow } = begin(input(workflow({ p: multiple({ instances: 0 }), n: { needs: ['p'] } })));
    expect(flow.shown).toEqual({ p: 'skipped', n: 'skipped' });
  });

  it('that are as many as an empty expression says fail the job, as do other numbers that are empty', () => {
    const empty = '${{ github.nope }}';
    for (const [name, sketch] of [
      ['instances', multiple({ instances: empty })],
      ['complete-when.count', multiple({ instances: 2, completeWhen: when({ count: empty }) })],
      [
        'retry.max-attempts',
        {
          flow: keys({
            retry: { backoff: { minMs: 1, maxMs: 1, factor: 1, jitter: 0 }, exitCodes: null, maxAttempts: empty },
          }),
        },
      ],
      [
        'wait-for.timeout-minutes',
        { flow: keys({ waitFor: { signals: ['ok'], buffered: true, timeoutMinutes: empty, from: [] } }) },
      ],
      ['start-within-minutes', { flow: keys({ startWithinMinutes: empty }) }],
    ] as const) {
      const { flow } = begin(input(workflow({ p: sketch })));
      expect(flow.conclusion).toBe('failure');
      expect([...flow.settled.values()].map(({ message }) => message)).toEqual([
        `\`${name}\` takes a number, but it is empty.`,
      ]);
    }
  });

  it('without sync are not waited for by dependants, but by the run', () => {
    const { flow, first } = begin(input(workflow({ p: multiple({ instances: 2, sync: false }), n: { needs: ['p'] } })));
    expect([...first].sort()).toEqual(['start n', 'start p.1', 'start p.2']);
    flow.complete('n');
    flow.complete('p.1');
    expect(flow.complete('p.2', 'failure')).toEqual(['run failure']);
  });

  it('are added while some run, and waited for', () => {
    const { flow } = begin(input(workflow({ p: multiple({ instances: 1, dynamic: true }), n: { needs: ['p'] } })));
    expect(flow.ask({ kind: 'add-instances', job: 'p', items: [{ item: 'x' }] })).toEqual(['start p.2']);
    expect(flow.started.get('p.2')?.contexts.matrix).toEqual({ item: 'x' });
    expect(flow.complete('p.1')).toEqual([]);
    expect(flow.complete('p.2')).toEqual(['start n']);
    flow.ask({ kind: 'add-instances', job: 'p', items: [{}] });
    expect(flow.refused).not.toBeNull();
  });

  it('are not added to a job that is not dynamic', () => {
    const { flow } = begin(input(workflow({ p: multiple({ instances: 1 }) })));
    flow.ask({ kind: 'add-instances', job: 'p', items: [{}] });
    expect(flow.refused).toMatch(/dynamic/);
  });

  it('are not added to a job that is being cancelled', () => {
    const more = { kind: 'add-instances', job: 'p', items: [{}] } as const;
    const { flow } = begin(input(workflow({ p: multiple({ instances: 1, dynamic: true }) })));
    expect(flow.cancel()).toEqual(['cancel p.1']);
    expect(flow.ask(more)).toEqual([]);
    expect(flow.refused).toBe("The job 'p' is being cancelled.");
    const { flow: alone } = begin(input(workflow({ p: multiple({ instances: 1, dynamic: true }) })));
    alone.ask({ kind: 'cancel', target: 'p' });
    alone.ask(more);
    expect(alone.refused).toBe("The job 'p' takes no more instances.");
  });

  it('that are all to be added are waited for, until somebody says that there are none', () => {
    const jobs = { p: multiple({ instances: 0, dynamic: true }), n: { needs: ['p'] } };
    const { flow, first } = begin(input(workflow(jobs)));
    expect(first).toEqual(['job-waits']);
    expect(flow.ask({ kind: 'complete', job: 'p' })).toContain('start n');
    const { flow: withdrawn } = begin(input(workflow(jobs)));
    withdrawn.ask({ kind: 'cancel', target: 'p' });
    expect(withdrawn.conclusion).toBe('cancelled');
  });

  it('that are enough let the dependants go on, and the others too', () => {
    const sketch = multiple({ instances: 3, completeWhen: when({ count: 2 }) });
    const { flow } = begin(input(workflow({ p: sketch, n: { needs: ['p'] } })));
    flow.complete('p.1');
    expect(flow.complete('p.2')).toEqual(['start n']);
    flow.complete('n');
    expect(flow.complete('p.3', 'failure')).toEqual(['run success']);
  });

  it('beyond what is enough are withdrawn, where it says so', () => {
    const completeWhen = when({ if: 'instances.success >= 1 && instances.failure >= 1', rest: 'cancel' });
    const { flow } = begin(input(workflow({ p: multiple({ instances: 3, completeWhen }), n: { needs: ['p'] } })));
    expect(flow.complete('p.1', 'failure')).toEqual([]);
    expect([...flow.complete('p.2')].sort()).toEqual(['cancel p.3', 'start n']);
    flow.complete('n');
    expect(flow.complete('p.3', 'cancelled')).toEqual(['job-concluded', 'run success']);
  });

  it('that are never enough fail the job', () => {
    const { flow } = begin(input(workflow({ p: multiple({ instances: 2, completeWhen: when({ count: 2 }) }) })));
    flow.complete('p.1', 'failure');
    flow.complete('p.2');
    expect(flow.conclusion).toBe('failure');
  });

  it('that have not ended are withdrawn when the job is declared complete', () => {
    const { flow } = begin(input(workflow({ p: multiple({ instances: 2 }), n: { needs: ['p'] } })));
    flow.complete('p.1');
    expect(flow.ask({ kind: 'complete', job: 'p' })).toEqual(['cancel p.2']);
    expect(flow.complete('p.2', 'cancelled')).toEqual(['job-concluded', 'start n']);
    expect(flow.shown['p']).toBe('success');
  });

  it('that have not ended are cancelled with the job, and one by one', () => {
    const { flow } = begin(
      input(workflow({ p: multiple({ instances: 3 }, { failFast: false }), n: { needs: ['p'] } })),
    );
    expect(flow.ask({ kind: 'cancel', target: 'p.2' })).toEqual(['cancel p.2']);
    expect([...flow.ask({ kind: 'cancel', target: 'p' })].sort()).toEqual(['cancel p.1', 'cancel p.3']);
    for (const key of ['p.1', 'p.2', 'p.3']) flow.complete(key, 'cancelled');
    expect(flow.shown['p']).toBe('cancelled');
    expect(flow.conclusion).toBe('cancelled');
  });
});

describe('retry', () => {
  const plan: RetryPlan = {
    maxAttempts: 3,
    backoff: { minMs: 100, maxMs: 150, factor: 2, jitter: 0 },
    exitCodes: [75],
  };
  const again = (afterMs: number | null = null, state = {}) => ({ retry: { afterMs, state } });

  it('starts the job again later, with what it left, and only then lets the run go on', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ retry: plan }) }, b: { needs: ['a'] } })));
    flow.finish('a', again(null, { at: '1' }), 'failure');
    const [[id, timer] = ['', null]] = [...flow.timers];
    expect(timer?.afterMs).toBe(100);
    expect(flow.shown['a']).toBe('waiting');
    expect(flow.fire(id)).toEqual(['start a~r2']);
    expect(flow.fire(id)).toEqual([]);
    expect(flow.started.get('a~r2')).toMatchObject({
      attempt: 2,
      contexts: { flow: { attempt: 2, state: { at: '1' } } },
    });
    expect(flow.complete('a~r2')).toEqual(['start b']);
  });

  it('waits as long as it was asked to at least', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ retry: plan }) } })));
    flow.finish('a', again(5_000), 'failure');
    expect([...flow.timers.values()][0]?.afterMs).toBe(5_000);
  });

  it('waits a year at most, whatever is asked for and however often', () => {
    const backoff = { minMs: 0, maxMs: 0, factor: 1e300, jitter: 0 };
    const { flow } = begin(input(workflow({ a: { flow: keys({ retry: { ...plan, backoff, maxAttempts: 4 } }) } })));
    const waits = [];
    for (const [key, afterMs] of [
      ['a', null],
      ['a~r2', 1e300],
      ['a~r3', null],
    ] as const) {
      flow.finish(key, again(afterMs), 'failure');
      const [id, timer] = [...flow.timers].at(-1) ?? ['', null];
      waits.push(timer?.afterMs);
      flow.fire(id);
    }
    expect(waits).toEqual([0, 366 * 24 * 3_600_000, 0]);
  });

  it('ends with the last of its attempts', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ retry: plan }) } })));
    for (const key of ['a', 'a~r2']) {
      flow.finish(key, again(), 'failure');
      for (const id of [...flow.timers.keys()]) flow.fire(id);
    }
    expect(flow.finish('a~r3', again(), 'failure')).toEqual(['run failure']);
  });

  it('is over when the job is cancelled while it waits', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ retry: plan }) } })));
    flow.finish('a', again(), 'failure');
    flow.cancel();
    expect(flow.conclusion).toBe('cancelled');
    expect([...flow.timers]).toEqual([]);
  });

  it('keeps the locks of the job', () => {
    const concurrency = { group: 'm', cancelInProgress: null, scope: 'run' as const };
    const { flow } = begin(input(workflow({ a: { concurrency, flow: keys({ retry: plan }) }, b: { concurrency } })));
    flow.finish('a', again(), 'failure');
    expect(flow.started.has('b')).toBe(false);
    flow.fire([...flow.timers.keys()][0] ?? '');
    expect(flow.complete('a~r2')).toEqual(['start b']);
  });

  it('in a later iteration counts anew', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ retry: plan }) }, c: { needs: ['a'] } })));
    flow.complete('a');
    flow.finish('c', { goto: { target: 'a', with: {} } });
    flow.finish('a~2', again(), 'failure');
    expect(flow.fire([...flow.timers.keys()][0] ?? '')).toEqual(['start a~2r2']);
  });
});

describe('terminate', () => {
  it('decides the run, withdraws the rest, and leaves finally', () => {
    const jobs = {
      a: {},
      long: {},
      end: { needs: ['a'], flow: keys({ terminate: 'success' }) },
      late: { needs: ['long'] },
    };
    const { flow } = begin(input({ ...workflow(jobs), flow: ofRun({ finally: plans({ z: {} }) }) }));
    flow.complete('a');
    expect([...flow.complete('end')].sort()).toEqual(['cancel long', 'withdrawn late']);
    expect(flow.complete('long', 'cancelled')).toEqual(['job-concluded', 'start @finally.z']);
    expect(flow.complete('@finally.z')).toEqual(['run success']);
  });

  it('of a job that fails ends nothing', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ terminate: 'success' }) }, b: {} })));
    expect(flow.complete('a', 'failure')).toEqual([]);
    expect(flow.complete('b')).toEqual(['run failure']);
  });

  it.each(['failure', 'cancelled'] as const)('may end the run as %s', (terminate) => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ terminate }) }, b: { needs: ['a'] } })));
    flow.complete('a');
    expect(flow.conclusion).toBe(terminate);
  });

  it('in a called workflow ends that', () => {
    const child = callable({ x: { flow: keys({ terminate: 'success' }) }, y: {} });
    const { flow } = begin(
      input(workflow({ call: { uses: './c.yml' }, n: { needs: ['call'] } }), { './c.yml': child }),
    );
    flow.complete('call.x');
    expect(flow.complete('call.y', 'cancelled')).toContain('start n');
  });
});

describe('cancels and regions', () => {
  it('withdraw the jobs that are named when the job starts', () => {
    const cancels = { on: 'start' as const, targets: ['region:ev', 'x'] };
    const region = keys({ region: ['ev'] });
    const { flow } = begin(
      input(
        workflow({
          a: {},
          e1: { flow: region },
          e2: { needs: ['e1'], flow: region },
          x: {},
          y: {},
          c: { needs: ['a'], flow: keys({ cancels }) },
        }),
      ),
    );
    const said = flow.complete('a');
    expect([...said].sort()).toEqual(['cancel e1', 'cancel x', 'start c', 'withdrawn e2']);
    for (const key of ['e1', 'x']) flow.complete(key, 'cancelled');
    flow.complete('c');
    expect(flow.complete('y')).toEqual(['run success']);
  });

  it('that a person cancels are cancelled, and nothing else is', () => {
    const region = keys({ region: ['ev'] });
    const { flow } = begin(input(workflow({ e1: { flow: region }, e2: { flow: region }, other: {} })));
    expect(flow.ask({ kind: 'cancel', target: 'region:ev' })).toEqual(['cancel e1', 'cancel e2']);
    flow.ask({ kind: 'cancel', target: 'region:nope' });
    expect(flow.refused).toMatch(/nope/);
    flow.complete('e1', 'cancelled');
    flow.complete('e2', 'cancelled');
    expect(flow.complete('other')).toEqual(['run cancelled']);
  });

  it('by a step name a job next to its own', () => {
    const child = callable({ x: {}, y: {} });
    const { flow } = begin(input(workflow({ call: { uses: './c.yml' } }), { './c.yml': child }));
    expect(flow.ask({ kind: 'cancel', target: 'y' }, { job: 'call.x' })).toEqual(['cancel call.y']);
  });
});

describe('failure', () => {
  it('with fail-fast cancels what has not ended but for what is to run in a cancelled run', () => {
    const jobs = { a: {}, b: {}, c: { needs: ['b'] }, z: { needs: ['b'], if: 'always()' } };
    const { flow } = begin(input({ ...workflow(jobs), flow: ofRun({ failFast: true }) }));
    expect(flow.complete('a', 'failure')).toEqual(['cancel b']);
    expect(flow.complete('b', 'cancelled')).toContain('start z');
    expect(flow.complete('z')).toEqual(['run failure']);
  });

  it('that stops its branch alone does not', () => {
    const jobs = { a: { flow: keys({ failure: 'stop-branch' }) }, a2: { needs: ['a'] }, b: {} };
    const { flow } = begin(input({ ...workflow(jobs), flow: ofRun({ failFast: true }) }));
    expect(flow.complete('a', 'failure')).toEqual(['skipped a2']);
    expect(flow.complete('b')).toEqual(['run failure']);
  });

  it('that is ignored is a success, also of a job that calls a workflow', () => {
    const ignore = keys({ failure: 'ignore' });
    const child = callable({ x: {} });
    const jobs = { a: { flow: ignore }, call: { uses: './c.yml', flow: ignore }, b: { needs: ['a', 'call'] } };
    const { flow } = begin(input(workflow(jobs), { './c.yml': child }));
    flow.complete('a', 'failure');
    expect(flow.complete('call.x', 'failure')).toEqual(['start b']);
    expect(flow.complete('b')).toEqual(['run success']);
    expect(flow.shown).toMatchObject({ a: 'failure-ignored', call: 'failure-ignored' });
  });

  it('that is ignored is one wherever it comes from, also with continue-on-error', () => {
    for (const sketch of [
      { if: "fromJSON('nope')", flow: keys({ failure: 'ignore' }) },
      { flow: keys({ failure: 'ignore', startWithinMinutes: '${{ github.yes }}' }) },
      { continueOnError: true, flow: keys({ startAt: 'never' }) },
      { continueOnError: "${{ github.yes == 'y' }}", flow: keys({ startAt: 'never' }) },
      { continueOnError: true, ...multiple({ instances: '${{ github.yes }}' }) },
      { continueOnError: true, runsOn: "${{ fromJSON('nope') }}" },
    ]) {
      const { flow } = begin(input(workflow({ a: sketch, b: { needs: ['a'] } }), {}, {}, { github: { yes: 'y' } }));
      expect(flow.shown).toMatchObject({ a: 'failure-ignored' });
      expect(flow.complete('b')).toEqual(['run success']);
    }
  });

  it('is ignored as its instances say: each of them', () => {
    const sketch = { matrix: { v: [true, false] }, continueOnError: '${{ matrix.v }}' };
    const twice = { ...sketch, flow: keys({ finally: plans({ x: {} }) }) };
    const { flow } = begin(input(workflow({ a: twice })));
    flow.complete('a.1', 'failure');
    flow.complete('a.2');
    expect(flow.complete('a@finally.x', 'failure')).toEqual(['run failure']);
  });
});
