import { describe, expect, it } from '@jest/globals';
import { begin } from './flow-driver.ts';
import { gate, keys, loop, ofRun, plans, withPlans } from './flow-keys.ts';
import { callable, input, workflow } from './plans.ts';

const around = keys({
  before: plans({ pb: {} }),
  after: plans({ pa: {} }),
  onFailure: plans({ pf: {} }),
  onCancel: plans({ pc: {} }),
  finally: plans({ pz: {} }),
});

describe('jobs around a job', () => {
  const started = (script: readonly (readonly [string, 'success' | 'failure' | 'cancelled'])[]) => {
    const { flow } = begin(input(workflow({ p: { flow: around }, n: { needs: ['p'] } })));
    for (const [key, conclusion] of script) flow.complete(key, conclusion);
    return { order: [...flow.started.keys()], flow };
  };

  it('run before and after it, and what needs it waits for them all', () => {
    const { order, flow } = started([
      ['p@before.pb', 'success'],
      ['p', 'success'],
      ['p@after.pa', 'success'],
      ['p@finally.pz', 'success'],
      ['n', 'success'],
    ]);
    expect(order).toEqual(['p@before.pb', 'p', 'p@after.pa', 'p@finally.pz', 'n']);
    expect(flow.conclusion).toBe('success');
  });

  it('read what the job needs, and what it has come to, and that keeps nothing from running', () => {
    const reading = (phase: 'after' | 'onFailure' | 'finally') =>
      keys({ [phase]: plans({ x: { needs: ['O', 'p'] } }) });
    for (const [phase, conclusion, name] of [
      ['after', 'success', 'after'],
      ['onFailure', 'failure', 'on-failure'],
      ['finally', 'failure', 'finally'],
    ] as const) {
      const { flow } = begin(input(workflow({ o: {}, p: { needs: ['o'], if: 'always()', flow: reading(phase) } })));
      flow.complete('o', 'failure', { v: '1' });
      expect(flow.complete('p', conclusion, { w: '2' })).toEqual([`start p@${name}.x`]);
      expect(flow.started.get(`p@${name}.x`)?.contexts.needs).toEqual({
        o: { result: 'failure', outputs: { v: '1' } },
        p: { result: conclusion, outputs: { w: '2' } },
      });
    }
  });

  it('of finally of the workflow read any job of it', () => {
    const clean = ofRun({ finally: plans({ z: { needs: ['a', 'b'] }, y: { needs: ['z', 'b'] } }) });
    const { flow } = begin(input(withPlans({ a: {}, b: { needs: ['a'] } }, clean)));
    expect(flow.complete('a', 'failure', { v: '1' })).toEqual(['skipped b', 'start @finally.z']);
    expect(flow.started.get('@finally.z')?.contexts.needs).toEqual({
      a: { result: 'failure', outputs: { v: '1' } },
      b: { result: 'skipped', outputs: {} },
    });
    expect(flow.complete('@finally.z')).toEqual(['start @finally.y']);
    expect(flow.complete('@finally.y')).toEqual(['run failure']);
  });

  it('on-failure runs when its main part fails, after does not, and nothing recovers', () => {
    const { order, flow } = started([
      ['p@before.pb', 'success'],
      ['p', 'failure'],
      ['p@on-failure.pf', 'success'],
      ['p@finally.pz', 'success'],
    ]);
    expect(order).toEqual(['p@before.pb', 'p', 'p@on-failure.pf', 'p@finally.pz']);
    expect(flow.neverStarted['n']).toBe('skipped needs');
    expect(flow.conclusion).toBe('failure');
  });

  it('on-failure runs when what is before it fails, and its main part does not', () => {
    const { order, flow } = started([
      ['p@before.pb', 'failure'],
      ['p@on-failure.pf', 'success'],
      ['p@finally.pz', 'success'],
    ]);
    expect(order).toEqual(['p@before.pb', 'p@on-failure.pf', 'p@finally.pz']);
    expect(flow.conclusion).toBe('failure');
  });

  it('on-failure runs when what is after it fails', () => {
    const { order, flow } = started([
      ['p@before.pb', 'success'],
      ['p', 'success'],
      ['p@after.pa', 'failure'],
      ['p@on-failure.pf', 'failure'],
      ['p@finally.pz', 'success'],
    ]);
    expect(order).toContain('p@on-failure.pf');
    expect(flow.shown['p']).toBe('failure');
  });

  it('on-failure runs when it fails before it could start, and finally does not', () => {
    for (const sketch of [
      { if: "fromJSON('nope')", flow: around },
      { flow: { ...around, startAt: 'never' } },
      { needs: ['o'], flow: { ...around, milestone: { job: 'o', state: 'failure', otherwise: 'fail' } as const } },
    ]) {
      const { flow } = begin(input(workflow({ o: {}, p: sketch, n: { needs: ['p'] } })));
      flow.complete('o');
      expect(flow.ended.get('p')).toBe('failure');
      expect(flow.running.has('p@on-failure.pf')).toBe(true);
      expect(flow.complete('p@on-failure.pf')).toEqual(['skipped n', 'run failure']);
    }
  });

  it('on-failure of a job that could not start is not the job that runs', () => {
    const jobs = {
      o: {},
      p: gate('p', { needs: ['o'], flow: { ...around, milestone: { job: 'o', state: 'failure', otherwise: 'fail' } } }),
      late: { flow: keys({ milestone: { job: 'p', state: 'running', otherwise: 'skip' } }) },
    };
    const { flow } = begin(input(withPlans(jobs)));
    flow.complete('o');
    expect(flow.complete('p@on-failure.pf')).toEqual(['skipped late', 'run failure']);
  });

  it('on-cancel and finally run when it is cancelled while it runs, also with its run', () => {
    for (const cancel of ['job', 'run']) {
      const { flow } = begin(input(workflow({ p: { flow: around } })));
      flow.complete('p@before.pb');
      if (cancel === 'job') flow.ask({ kind: 'cancel', target: 'p' });
      else flow.cancel();
      expect(flow.complete('p', 'cancelled')).toContain('start p@on-cancel.pc');
      expect(flow.complete('p@on-cancel.pc')).toEqual(['start p@finally.pz']);
      expect(flow.complete('p@finally.pz')).toEqual(['run cancelled']);
      expect(flow.shown['p']).toBe('cancelled');
    }
  });

  it('do not run for a job that never ran', () => {
    const mutex = { concurrency: { group: 'm', cancelInProgress: null, scope: 'run' as const } };
    const cleaning = keys({ onCancel: plans({ pc: {} }), finally: plans({ pz: {} }) });
    const { flow } = begin(
      input(workflow({ h: mutex, p: { ...mutex, flow: cleaning }, q: { if: 'false', flow: around } })),
    );
    flow.ask({ kind: 'cancel', target: 'p' });
    flow.complete('h');
    expect([...flow.started.keys()]).toEqual(['h']);
    expect(flow.conclusion).toBe('cancelled');
  });

  it('end with force', () => {
    const { flow } = begin(input(workflow({ p: { flow: around } })));
    flow.complete('p@before.pb');
    flow.cancel();
    flow.complete('p', 'cancelled');
    expect(flow.cancel(true)).toEqual(['cancel p@on-cancel.pc']);
    flow.complete('p@on-cancel.pc', 'cancelled');
    expect(flow.conclusion).toBe('cancelled');
  });
});

describe('finally of a workflow', () => {
  const last = ofRun({ finally: plans({ z: {} }) });

  it.each(['success', 'failure'] as const)('runs when all others have ended with %s', (conclusion) => {
    const { flow } = begin(input({ ...workflow({ a: {}, b: { needs: ['a'] } }), flow: last }));
    const said = flow.complete('a', conclusion);
    if (conclusion === 'success') expect(flow.complete('b')).toEqual(['start @finally.z']);
    else expect(said).toEqual(['skipped b', 'start @finally.z']);
    expect(flow.complete('@finally.z')).toEqual([`run ${conclusion}`]);
  });

  it('runs in a cancelled run, unless it is forced', () => {
    const { flow } = begin(input({ ...workflow({ a: {} }), flow: last }));
    flow.cancel();
    expect(flow.complete('a', 'cancelled')).toEqual(['start @finally.z']);
    expect(flow.complete('@finally.z')).toEqual(['run cancelled']);
    const { flow: forced } = begin(input({ ...workflow({ a: {} }), flow: last }));
    forced.cancel(true);
    expect(forced.complete('a', 'cancelled')).toEqual(['run cancelled']);
  });

  it('of a called workflow is another than that of the job that calls it', () => {
    const child = callable({ x: {} }, {}, { flow: last });
    const calls = { call: { uses: './c.yml', flow: keys({ finally: plans({ z: {} }) }) } };
    const { flow } = begin(input(workflow(calls), { './c.yml': child }));
    expect(flow.complete('call.x')).toEqual(['start call.@finally.z']);
    expect(flow.complete('call.@finally.z')).toEqual(['start call@finally.z']);
    expect(flow.complete('call@finally.z')).toEqual(['run success']);
  });

  it('that fails fails the run', () => {
    const { flow } = begin(input({ ...workflow({ a: {} }), flow: last }));
    flow.complete('a');
    expect(flow.complete('@finally.z', 'failure')).toEqual(['run failure']);
  });
});

describe('a loop', () => {
  it('runs its jobs while its condition holds, with variables that they set', () => {
    const body = plans({ b: {} });
    const l = loop('l', { while: 'loop.i < 2', vars: { i: 0 }, jobs: body, outputs: { last: '${{ loop.i }}' } });
    const { flow, first } = begin(input(withPlans({ l, n: { needs: ['l'] } })));
    expect(first).toEqual(['start l@1.b']);
    expect(flow.started.get('l@1.b')?.contexts.loop).toEqual({ i: 0, index: 0 });
    expect(flow.complete('l@1.b', 'success', { i: '1' })).toEqual(['start l@2.b']);
    expect(flow.started.get('l@2.b')?.contexts.loop).toEqual({ i: '1', index: 1 });
    expect(flow.complete('l@2.b', 'success', { i: '2' })).toContain('start n');
    expect(flow.started.get('n')?.contexts.needs['l']).toEqual({ result: 'success', outputs: { last: '2' } });
  });

  it('with until runs once at least', () => {
    const l = loop('l', { until: 'true', jobs: plans({ b: {} }) });
    const { flow } = begin(input(withPlans({ l })));
    expect(flow.complete('l@1.b')).toContain('run success');
  });

  it('that does not hold at first succeeds without a round', () => {
    const l = loop('l', { while: 'false', jobs: plans({ b: {} }) });
    expect(begin(input(withPlans({ l }))).flow.conclusion).toBe('success');
  });

  it('fails with its limit and with its jobs', () => {
    const l = loop('l', { while: 'true', maxIterations: 2, jobs: plans({ b: {} }) });
    const { flow } = begin(input(withPlans({ l })));
    flow.complete('l@1.b');
    flow.complete('l@2.b');
    expect(flow.conclusion).toBe('failure');
    expect(flow.settled.get('l')?.reason).toBe('too-many-iterations');
    const { flow: other } = begin(input(withPlans({ l, z: { needs: ['l'], if: 'failure()' } })));
    expect(other.complete('l@1.b', 'failure')).toContain('start z');
  });

  it('of gates alone comes to its limit too', () => {
    const l = loop('l', { while: 'true', maxIterations: 50, jobs: [gate('g')] });
    expect(begin(input(withPlans({ l }))).flow.conclusion).toBe('failure');
  });

  it('is shown round by round', () => {
    const l = loop('l', { until: 'loop.index == 9', jobs: plans({ b: {} }) });
    const { flow } = begin(input(withPlans({ l })));
    for (let round = 1; round <= 10; round++) flow.complete(`l@${round}.b`);
    expect(Object.keys(flow.shown)).toEqual(['l', ...Array.from({ length: 10 }, (_, index) => `l@${index + 1}.b`)]);
  });

  it('asks for the approval of every round anew', () => {
    const waitFor = { signals: ['ok'], buffered: true, timeoutMinutes: null, from: [] };
    const l = loop('l', { until: 'loop.index == 1', jobs: [gate('ok', { flow: keys({ waitFor }) })] });
    const { flow } = begin(input(withPlans({ l })));
    flow.signal('ok');
    expect(flow.shown['l@2.ok']).toBe('waiting');
    flow.signal('ok');
    expect(flow.conclusion).toBe('success');
  });

  it('is cancelled with what runs in it', () => {
    const l = loop('l', { while: 'true', jobs: plans({ b: {} }) });
    const { flow } = begin(input(withPlans({ l })));
    expect(flow.ask({ kind: 'cancel', target: 'l' })).toEqual(['cancel l@1.b']);
    flow.complete('l@1.b', 'cancelled');
    expect(flow.conclusion).toBe('cancelled');
  });

  it('has the locks that it says, and gives them back', () => {
    const concurrency = { group: 'm', cancelInProgress: null, scope: 'run' as const };
    const l = loop('l', { until: 'true', jobs: plans({ b: {} }), concurrency });
    const { flow } = begin(input(withPlans({ l, x: { concurrency } })));
    expect([...flow.running.keys()]).toEqual(['l@1.b']);
    expect(flow.complete('l@1.b')).toContain('start x');
    expect(flow.complete('x')).toEqual(['run success']);
  });

  it('has the concurrency group that it says, as has a gate', () => {
    const l = loop('l', { until: 'true', jobs: plans({ b: {} }), concurrency: { group: 'g', cancelInProgress: null } });
    const g = gate('g', { needs: ['l'], concurrency: { group: 'h', cancelInProgress: null } });
    const { flow } = begin(input(withPlans({ l, g })));
    expect(flow.groups.held).toEqual(['g']);
    flow.complete('l@1.b');
    expect(flow.conclusion).toBe('success');
    expect(flow.groups.held).toEqual([]);
  });
});
