import { describe, expect, it } from '@jest/globals';
import type { FlowEvent } from '../../src/flow/flow-event.ts';
import { reduce } from '../../src/flow/reduce.ts';
import type { MilestonePlan, WaitForPlan } from '../../src/protocol/flow-plan.ts';
import { begin } from './flow-driver.ts';
import { gate, keys, loop, plans, withPlans } from './flow-keys.ts';
import { callable, input, workflow } from './plans.ts';

const waitFor = (said: Partial<WaitForPlan> = {}) =>
  keys({ waitFor: { signals: ['ok'], buffered: true, timeoutMinutes: null, from: [], ...said } });

describe('wait-for', () => {
  it('goes on with a signal of its name, which the job sees', () => {
    const { flow, first } = begin(input(workflow({ w: { flow: waitFor() } })));
    expect(first).toEqual(['job-waits']);
    expect(flow.signal('other')).toEqual([]);
    expect(flow.shown['w']).toBe('waiting');
    expect(flow.signal('ok', { data: '{}' })).toEqual(['start w']);
    expect(flow.started.get('w')?.contexts.flow['signal']).toEqual({ name: 'ok', data: '{}', by: 'alice' });
  });

  it('takes a signal that came before, once', () => {
    const { flow } = begin(
      input(workflow({ a: {}, v: { needs: ['a'], flow: waitFor() }, w: { needs: ['a'], flow: waitFor() } })),
    );
    flow.signal('ok');
    expect(flow.complete('a')).toEqual(['job-waits', 'start v']);
    expect(flow.signal('ok')).toEqual(['start w']);
  });

  it('does not keep a signal that is not to last', () => {
    const { flow } = begin(input(workflow({ a: {}, w: { needs: ['a'], flow: waitFor() } })));
    flow.signal('ok', { persistent: false });
    expect(flow.refused).toBe("No job waits for 'ok' now.");
    flow.signal('ok', { persistent: false, job: 'w' });
    expect(flow.refused).toBe("The job 'w' does not wait for 'ok' now.");
    expect(flow.complete('a')).toEqual(['job-waits']);
    expect(flow.signal('ok', { persistent: false })).toEqual(['start w']);
    expect(flow.refused).toBeNull();
  });

  it('that is not buffered looks at no signal of before', () => {
    const { flow } = begin(input(workflow({ a: {}, w: { needs: ['a'], flow: waitFor({ buffered: false }) } })));
    flow.signal('ok', { job: 'w' });
    expect(flow.refused).toBe("The job 'w' does not wait for 'ok' now.");
    flow.signal('ok');
    expect(flow.refused).toBeNull();
    expect(flow.complete('a')).toEqual(['job-waits']);
    expect(flow.signal('ok')).toEqual(['start w']);
  });

  it('gives signals to those that wait in the order in which they began to', () => {
    const { flow } = begin(input(workflow({ v: { flow: waitFor() }, w: { flow: waitFor() } })));
    expect(flow.signal('ok')).toEqual(['start v']);
    expect(flow.signal('ok', { job: 'w' })).toEqual(['start w']);
  });

  it('refuses a signal of somebody who may not send it', () => {
    const { flow } = begin(input(workflow({ w: { flow: waitFor({ from: ['bob'] }) } })));
    flow.signal('ok');
    expect(flow.refused).toMatch(/alice/);
    expect(flow.signal('ok', {}, 'bob')).toEqual(['start w']);
  });

  it('fails the job where `from` comes to nobody, whoever sends a signal', () => {
    const from = waitFor({ from: ['${{ vars.OWNER }}', ''] });
    const { flow, first } = begin(input(workflow({ w: { flow: from }, n: { needs: ['w'] } })));
    expect(first).toEqual(['failure w', 'skipped n', 'run failure']);
    expect(flow.settled.get('w')?.message).toBe("Its 'wait-for.from' names nobody.");
    const named = begin(input(workflow({ w: { flow: from } }), {}, {}, { vars: { OWNER: 'bob' } }));
    expect(named.first).toEqual(['job-waits']);
  });

  it('refuses a signal for a job that there is not, or that has ended', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {} })));
    flow.signal('ok', { job: 'nope' });
    expect(flow.refused).toMatch(/nope/);
    flow.signal('ok', { job: 'a' });
    expect(flow.refused).toBe("The job 'a' waits for no signal.");
    flow.complete('a');
    flow.signal('ok', { job: 'a' });
    expect(flow.refused).toMatch(/has ended/);
  });

  it('keeps a thousand signals that nobody waited for, and refuses more', () => {
    const { flow } = begin(input(workflow({ a: {} })));
    const event = (id: number): FlowEvent => ({
      kind: 'requested',
      id: String(id),
      by: { user: 'alice' },
      request: { kind: 'signal', name: 'ok', job: null, data: null, persistent: true },
    });
    let { state } = flow;
    for (let id = 0; id < 1_000; id++) ({ state } = reduce(state, event(id)));
    expect(state.signals).toHaveLength(1_000);
    expect(reduce(state, event(1_000)).refused).toMatch(/1000 signals/);
  });

  it('fails when no signal comes in time, and not when one does', () => {
    const timed = { w: { flow: waitFor({ timeoutMinutes: 5 }) } };
    const { flow } = begin(input(workflow(timed)));
    const [[id, timer] = ['', null]] = [...flow.timers];
    expect(timer?.afterMs).toBe(300_000);
    expect(flow.fire(id)).toEqual(expect.arrayContaining(['failure w', 'run failure']));
    const { flow: other } = begin(input(workflow(timed)));
    other.signal('ok');
    expect([...other.timers]).toEqual([]);
    expect(other.fire(id)).toEqual([]);
    expect(other.shown['w']).toBe('queued');
  });

  it('of a gate is an approval that needs no runner', () => {
    const { flow } = begin(input(withPlans({ ok: gate('ok', { flow: waitFor() }), ship: { needs: ['ok'] } })));
    expect(flow.signal('ok')).toContain('start ship');
    expect(flow.shown['ok']).toBe('success');
  });

  it('ends with its run', () => {
    const { flow } = begin(input(workflow({ w: { flow: waitFor() } })));
    expect(flow.cancel()).toEqual(expect.arrayContaining(['cancelled w', 'run cancelled']));
  });
});

describe('milestone', () => {
  const milestone = (state: MilestonePlan['state'], otherwise: MilestonePlan['otherwise'] = 'skip') =>
    keys({ milestone: { job: 'm', state, otherwise } });

  it('waits until the other job runs', () => {
    const { flow, first } = begin(input(workflow({ a: {}, m: { needs: ['a'] }, g: { flow: milestone('running') } })));
    expect(first).toEqual(['job-waits', 'start a']);
    expect(flow.complete('a')).toEqual(['start m']);
    expect(flow.begun('m')).toEqual(['start g']);
  });

  it('that has passed skips the job, or fails it', () => {
    const ends = (['skip', 'fail'] as const).map((otherwise) => {
      const { flow } = begin(
        input(workflow({ m: {}, a: {}, g: { needs: ['a'], flow: milestone('running', otherwise) } })),
      );
      flow.begun('m');
      flow.complete('m');
      return flow.complete('a');
    });
    expect(ends).toEqual([
      ['skipped g', 'run success'],
      ['failure g', 'run failure'],
    ]);
  });

  it('of an end waits for it', () => {
    const { flow } = begin(input(workflow({ m: {}, g: { flow: milestone('failure') } })));
    flow.begun('m');
    expect(flow.complete('m', 'failure')).toEqual(['start g']);
  });

  it('a final state holds for ever, also when a jump back begins the job anew', () => {
    const jobs = { m: {}, x: { needs: ['m'] }, a: {}, g: { needs: ['a'], flow: milestone('success') } };
    const { flow } = begin(input(workflow(jobs)));
    flow.complete('m');
    expect(flow.finish('x', { goto: { target: 'm', with: {} } })).toEqual(['start m~2']);
    expect(flow.complete('a')).toEqual(['start g']);
  });

  it('of a job that comes after the one that waits would never hold, and fails it', () => {
    const { flow } = begin(input(workflow({ g: { flow: milestone('running') }, m: { needs: ['g'] } })));
    expect(flow.conclusion).toBe('failure');
    expect(flow.settled.get('g')?.message).toMatch(/for ever/);
  });
});

describe('locks of a run', () => {
  const mutex = { concurrency: { group: 'M', cancelInProgress: null, scope: 'run' as const } };

  it('are had by one at a time, first come, first served, and not asked of the host', () => {
    const { flow, first } = begin(input(workflow({ a: mutex, b: mutex, c: mutex })));
    expect(first).toEqual(['start a', 'job-waits', 'job-waits']);
    expect(flow.complete('a', 'failure')).toEqual(['start b']);
    expect(flow.complete('b')).toEqual(['start c']);
    expect(flow.complete('c')).toEqual(['run failure']);
    expect(flow.commands.some(({ kind }) => kind === 'acquire-group')).toBe(false);
  });

  it('pass over who was cancelled while it waited', () => {
    const { flow } = begin(input(workflow({ a: mutex, b: mutex, c: mutex })));
    expect(flow.ask({ kind: 'cancel', target: 'b' })).toEqual(['cancelled b']);
    expect(flow.complete('a')).toEqual(['start c']);
  });

  it('are the same in a called workflow', () => {
    const child = callable({ x: mutex });
    const { flow, first } = begin(input(workflow({ a: mutex, call: { uses: './c.yml' } }), { './c.yml': child }));
    expect(first).toEqual(['start a', 'job-waits']);
    expect(flow.complete('a')).toEqual(['start call.x']);
  });

  it('that a calling job has are not for what it calls: it would wait for ever', () => {
    const child = callable({ x: mutex });
    const { flow } = begin(input(workflow({ call: { uses: './c.yml', ...mutex } }), { './c.yml': child }));
    expect(flow.conclusion).toBe('failure');
    expect(flow.settled.get('call.x')?.message).toMatch(/for ever/);
  });

  it('of a section are kept from its first job to the end of its last', () => {
    const section = (name: string) => keys({ section: { lock: 'db', name } });
    const { flow } = begin(
      input(
        workflow({
          p1: { flow: section('p') },
          p2: { needs: ['p1'], flow: section('p') },
          q1: { flow: section('q') },
          q2: { needs: ['q1'], flow: section('q') },
        }),
      ),
    );
    expect([...flow.running.keys()]).toEqual(['p1']);
    expect(flow.complete('p1')).toEqual(['start p2']);
    expect(flow.complete('p2')).toEqual(['start q1']);
    flow.complete('q1');
    expect(flow.complete('q2')).toEqual(['run success']);
  });

  it('of a section that has jobs in a loop are kept over its rounds, and refused to others in it', () => {
    const section = (name: string, lock = 'db') => ({ flow: keys({ section: { lock, name } }) });
    const jobs = plans({ in1: section('p', '${{ github.lock }}'), other: { needs: ['in1'], ...section('q') } });
    const flow = withPlans({ p1: section('p'), l: loop('l', { needs: ['p1'], while: 'true', jobs }) });
    const { flow: run } = begin(input(flow, {}, {}, { github: { lock: 'DB' } }));
    run.complete('p1');
    expect(run.complete('l@1.in1')).toEqual(['failure l@1.other', 'failure l', 'run failure']);
    expect(run.settled.get('l@1.other')?.message).toBe(
      "It would wait for ever for the lock 'db', which section p has and gives back only after it.",
    );
  });

  it('of a section that waits for who wants its lock are refused to that one', () => {
    const section = keys({ section: { lock: 'm', name: 'p' } });
    const { flow } = begin(
      input(workflow({ p1: { flow: section }, x: { needs: ['p1'], ...mutex }, p2: { needs: ['x'], flow: section } })),
    );
    flow.complete('p1');
    expect(flow.settled.get('x')?.message).toMatch(/for ever/);
    expect(flow.conclusion).toBe('failure');
  });

  it('are given back by a holder that jumps back', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'], ...mutex }, c: { needs: ['a'], ...mutex } })));
    flow.complete('a');
    expect(flow.finish('b', { goto: { target: 'b', with: {} } })).toContain('start c');
    expect(flow.complete('c')).toContain('start b~2');
    expect(flow.complete('b~2')).toEqual(['run success']);
  });
});

describe('race', () => {
  it('is won by the first to start; the others are withdrawn, which is neutral', () => {
    const { flow } = begin(
      input(
        workflow({
          a: {},
          x: { flow: keys({ race: 'g' }) },
          y: { needs: ['a'], flow: keys({ race: 'g' }) },
          m: { needs: ['x', 'y'], flow: keys({ join: { mode: 'active' } }) },
        }),
      ),
    );
    expect(flow.neverStarted['y']).toBe('withdrawn race');
    flow.complete('a');
    expect(flow.complete('x')).toEqual(['start m']);
    expect(flow.complete('m')).toEqual(['run success']);
  });

  it('is not won while the job waits for a signal', () => {
    const waits = keys({ race: 'g', waitFor: { signals: ['*'], buffered: true, timeoutMinutes: null, from: [] } });
    const { flow } = begin(input(workflow({ x: { flow: waits }, y: { flow: waits } })));
    expect(flow.signal('go', { job: 'y' })).toEqual(expect.arrayContaining(['start y', 'withdrawn x']));
    expect(flow.complete('y')).toEqual(['run success']);
  });

  it('is held anew when who has won it begins anew, and each other that it has won', () => {
    const jobs = {
      a: {},
      // The next iteration: g2, then g3.
      x: { needs: ['a'], flow: keys({ race: 'g${{ flow.iteration }}', join: { mode: 'each', batch: 1 } }) },
      y: { needs: ['a'], flow: { ...waitFor(), race: 'g2' } },
      z: { needs: ['x', 'y'], flow: keys({ join: { mode: 'active' } }) },
    };
    const { flow } = begin(input(workflow(jobs)));
    expect(flow.ask({ kind: 'emit', outputs: {} }, { job: 'a' })).toEqual(
      expect.arrayContaining(['withdrawn y', 'start x']),
    );
    expect(flow.complete('a')).toEqual(['start x~2']);
    for (const key of ['x', 'x~2']) flow.complete(key);
    expect(flow.finish('z', { goto: { target: 'a', with: {} } })).toEqual(['start a~2']);
    expect(flow.complete('a~2')).toContain('start x~3');
    expect(flow.signal('ok')).toEqual(['start y~2']);
  });
});

describe('times', () => {
  it('start-at keeps a job until then', () => {
    const { flow } = begin(input(workflow({ a: { flow: keys({ startAt: '2030-01-31T06:00:00Z' }) } })));
    const [[id, timer] = ['', null]] = [...flow.timers];
    expect(timer?.at).toBe(Date.UTC(2030, 0, 31, 6));
    expect(flow.fire(id)).toEqual(['start a']);
    expect(flow.fire(id)).toEqual([]);
  });

  it('start-within-minutes skips what has not started by then, at once, and tells its dependants', () => {
    const { flow } = begin(
      input(workflow({ a: {}, b: { needs: ['a'], flow: keys({ startWithinMinutes: 1 }) }, c: { needs: ['b'] } })),
    );
    const [[id] = ['']] = [...flow.timers];
    expect(flow.fire(id)).toEqual(expect.arrayContaining(['skipped b', 'skipped c']));
    expect(flow.neverStarted['b']).toBe('skipped expired');
    expect(flow.complete('a')).toEqual(['run success']);
  });

  it.each([1e300, 527_041, -1])('fails the job where the time comes to %d minutes', (minutes) => {
    const contexts = { vars: { N: minutes } };
    const message = `takes a number of minutes from 0 to 527040, but it is ${minutes}.`;
    const late = keys({ startWithinMinutes: '${{ vars.N }}' });
    const jobs = { a: {}, b: { needs: ['a'], flow: late }, c: { needs: ['b'] }, d: { flow: late } };
    const { flow, first } = begin(input(workflow(jobs), {}, {}, contexts));
    expect(first).toEqual(['failure b', 'clear-timer', 'failure d', 'clear-timer', 'skipped c', 'start a']);
    expect(flow.settled.get('b')?.message).toBe(`\`start-within-minutes\` ${message}`);
    expect(flow.complete('a')).toEqual(['run failure']);
    const waits = waitFor({ timeoutMinutes: '${{ vars.N }}' });
    const wait = begin(input(workflow({ w: { flow: waits } }), {}, {}, contexts)).flow;
    expect(wait.settled.get('w')).toMatchObject({ conclusion: 'failure', reason: 'condition-error' });
    expect(wait.settled.get('w')?.message).toBe(`\`wait-for.timeout-minutes\` ${message}`);
    expect(wait.timers.size).toBe(0);
  });

  it('fails a job that a jump back begins anew as it failed before', () => {
    const next = [{ if: 'failure() && flow.iteration < 2', goto: 'a', with: {} }];
    const jobs = {
      a: {},
      b: { needs: ['a'], flow: keys({ startWithinMinutes: '${{ vars.N }}' }) },
      c: { needs: ['b'], if: 'always()', flow: keys({ next }) },
    };
    const { flow } = begin(input(workflow(jobs), {}, {}, { vars: { N: 1e300 } }));
    expect(flow.started.has('a')).toBe(true);
    flow.complete('c', 'failure');
    flow.complete('a');
    expect(flow.running.has('a~2')).toBe(true);
    expect(flow.settled.get('b~2')).toMatchObject({ conclusion: 'failure', reason: 'condition-error' });
    flow.complete('a~2');
    flow.complete('c~2');
    expect(flow.conclusion).toBe('failure');
  });

  it('start-within-minutes means nothing to what has started', () => {
    const { flow } = begin(input(workflow({ b: { flow: keys({ startWithinMinutes: 1 }) } })));
    const [[id] = ['']] = [...flow.timers];
    expect(flow.fire(id)).toEqual([]);
    expect(flow.complete('b')).toContain('run success');
  });

  it('delays of a stage are before the start and count for those that wait', () => {
    const stage = { number: 0, waitsFor: [], startsAfter: [], tolerant: false, delayBeforeMs: 3, delayAfterMs: 4 };
    const { flow } = begin(input(workflow({ a: { flow: keys({ stage }) }, b: { needs: ['a'] } })));
    const [[before] = ['']] = [...flow.timers];
    expect(flow.fire(before)).toEqual(['start a']);
    expect(flow.complete('a')).toEqual(['set-timer']);
    const after = [...flow.timers.keys()].find((id) => id !== before) ?? '';
    expect(flow.fire(after)).toEqual(['start b']);
  });
});

describe('a later stage', () => {
  const stage = (number: number, waitsFor: readonly string[]) =>
    keys({ stage: { number, waitsFor, startsAfter: [], tolerant: false, delayBeforeMs: 0, delayAfterMs: 0 } });
  const stages = (condition: string | null) => ({
    a: { if: condition, flow: stage(0, []) },
    b: { flow: stage(1, ['a']) },
    c: { flow: stage(2, ['b']) },
  });

  it('qs-empty: a run without jobs is a success at once', () => {
    expect(begin(input(workflow({}))).first).toEqual(['run success']);
  });

  it('runs behind a job that had nothing to do', () => {
    expect(begin(input(workflow(stages('false')))).first).toEqual(['skipped a', 'start b']);
  });

  it('is skipped behind one that failed, and so are all stages after it', () => {
    const { flow } = begin(input(workflow(stages(null))));
    expect(flow.complete('a', 'failure')).toEqual(['skipped b', 'skipped c', 'run failure']);
  });
});

describe('the milestone waiting', () => {
  const milestone = keys({ milestone: { job: 'a', state: 'waiting', otherwise: 'skip' } });

  it('comes when the other job begins to wait', () => {
    const { flow } = begin(input(workflow({ b: {}, a: { needs: ['b'], flow: waitFor() }, m: { flow: milestone } })));
    expect(flow.shown['m']).toBe('waiting');
    expect(flow.complete('b')).toEqual(['job-waits', 'start m']);
  });

  it('comes when the other job waits for a lock', () => {
    const concurrency = { group: 'g', cancelInProgress: null, scope: 'run' } as const;
    const jobs = { h: { concurrency }, b: {}, a: { needs: ['b'], concurrency }, m: { flow: milestone } };
    const { flow } = begin(input(workflow(jobs)));
    expect(flow.complete('b')).toEqual(['job-waits', 'start m']);
  });
});

describe('a pause', () => {
  it('starts nothing, lets go on what runs, and loses nothing', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    expect(flow.ask({ kind: 'pause' })).toEqual(['run-paused']);
    expect(flow.complete('a')).toEqual([]);
    expect(flow.ask({ kind: 'resume' })).toEqual(['run-paused', 'start b']);
    expect(flow.complete('b')).toEqual(['run success']);
  });

  it('is refused twice, and its end without one', () => {
    const { flow } = begin(input(workflow({ a: {} })));
    flow.ask({ kind: 'resume' });
    expect(flow.refused).toMatch(/not paused/);
    flow.ask({ kind: 'pause' });
    flow.ask({ kind: 'pause' });
    expect(flow.refused).toMatch(/already/);
  });

  it('keeps what its timers asked for until it is over', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'], flow: keys({ startWithinMinutes: 1 }) } })));
    flow.ask({ kind: 'pause' });
    const [[id] = ['']] = [...flow.timers];
    expect(flow.fire(id)).toEqual([]);
    expect(flow.shown['b']).toBe('pending');
    expect(flow.ask({ kind: 'resume' })).toEqual(expect.arrayContaining(['run-paused', 'skipped b']));
  });

  it('lets nothing start whose time for it has passed meanwhile', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'], flow: keys({ startWithinMinutes: 1 }) } })));
    flow.ask({ kind: 'pause' });
    expect(flow.complete('a')).toEqual([]);
    flow.fire('b/within');
    expect(flow.ask({ kind: 'resume' })).toEqual(expect.arrayContaining(['run-paused', 'skipped b']));
  });

  it('ends with the run that is cancelled, so that what cleans up can', () => {
    const { flow } = begin(input(workflow({ a: {}, z: { needs: ['a'], if: 'always()' } })));
    flow.ask({ kind: 'pause' });
    flow.cancel();
    expect(flow.complete('a', 'cancelled')).toEqual(['start z']);
    expect(flow.complete('z')).toEqual(['run cancelled']);
  });
});
