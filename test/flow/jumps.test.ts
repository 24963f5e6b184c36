import { describe, expect, it } from '@jest/globals';
import { begin } from './flow-driver.ts';
import { ACTIVE, keys, loop, ofRun, plans, withPlans } from './flow-keys.ts';
import { input, workflow } from './plans.ts';

const goto = (target: string, given: Record<string, string> = {}) => ({ goto: { target, with: given } });

describe('a jump back', () => {
  const chain = { a: {}, b: { needs: ['a'] }, c: { needs: ['b'] }, d: { needs: ['c'] } };

  it('begins the target anew, and what comes after it, with what it came with', () => {
    const { flow } = begin(input(workflow(chain)));
    for (const key of ['a', 'b']) flow.complete(key);
    expect(flow.finish('c', goto('a', { why: 'again' }))).toEqual(['start a~2']);
    expect(flow.started.get('a~2')?.contexts.flow).toMatchObject({ iteration: 2, from: 'c', with: { why: 'again' } });
    expect(flow.complete('a~2')).toEqual(['start b~2']);
    expect(flow.complete('b~2')).toEqual(['start c~2']);
    expect(flow.complete('c~2')).toEqual(['start d']);
    expect(flow.complete('d')).toEqual(['run success']);
  });

  it('leaves alone what is fed from elsewhere too and has ended', () => {
    const jobs = { a: {}, o: {}, f: { needs: ['a', 'o'] }, c: { needs: ['a'] }, d: { needs: ['c'] } };
    const { flow } = begin(input(workflow(jobs)));
    for (const key of ['a', 'o', 'f']) flow.complete(key);
    expect(flow.finish('c', goto('a'))).toEqual(['start a~2']);
    flow.complete('a~2');
    expect(flow.complete('c~2')).toEqual(['start d']);
    expect(flow.started.has('f~2')).toBe(false);
  });

  it('withdraws what runs, and begins it anew when it has ended', () => {
    const jobs = { a: {}, slow: { needs: ['a'] }, c: { needs: ['a'] }, e: { needs: ['slow', 'c'] } };
    const { flow } = begin(input(workflow(jobs)));
    flow.complete('a');
    expect(flow.finish('c', goto('a'))).toEqual(expect.arrayContaining(['cancel slow', 'start a~2']));
    flow.complete('a~2');
    expect([...flow.running.keys()].sort()).toEqual(['c~2', 'slow']);
    expect(flow.complete('slow', 'cancelled')).toContain('start slow~2');
    flow.complete('c~2');
    expect(flow.complete('slow~2')).toEqual(['start e']);
    expect(flow.complete('e')).toEqual(['run success']);
  });

  it('makes a join wait again for a branch that loops back', () => {
    const jobs = { a: {}, b: { needs: ['a'] }, c: { needs: ['a'] }, m: { needs: ['b', 'c'], flow: ACTIVE } };
    const { flow } = begin(input(workflow(jobs)));
    flow.complete('a');
    flow.finish('c', goto('c'));
    expect(flow.complete('b')).toEqual([]);
    expect(flow.complete('c~2')).toEqual(['start m']);
  });

  it('of a job that was skipped the first time has a key of its own', () => {
    const jobs = { a: {}, b: { needs: ['a'], if: "needs.a.outputs.x == '1'" }, c: { needs: ['a'] } };
    const { flow } = begin(input(workflow(jobs)));
    flow.complete('a', 'success', { x: '0' });
    flow.finish('c', goto('a'));
    flow.complete('a~2', 'success', { x: '1' });
    expect(flow.running.size).toBe(2);
    for (const key of [...flow.running.keys()]) flow.complete(key);
    expect(flow.conclusion).toBe('success');
    expect(new Set(flow.settled.keys()).size + flow.started.size).toBe(6);
  });

  it('is counted for each job that jumps: one too many fails it', () => {
    const { flow } = begin(input({ ...workflow(chain), flow: ofRun({ limits: { maxJumps: 1, maxDepth: null } }) }));
    for (const key of ['a', 'b']) flow.complete(key);
    flow.finish('c', goto('b'));
    flow.complete('b~2');
    flow.finish('c~2', goto('b'));
    expect(flow.commands).toContainEqual(
      expect.objectContaining({ kind: 'job-concluded', key: 'c~2', conclusion: 'failure', reason: 'too-many-jumps' }),
    );
    expect(flow.neverStarted['d']).toBe('skipped needs');
    expect(flow.conclusion).toBe('failure');
  });

  it('holds a race anew, and does not take the signal of the round before', () => {
    const jobs = {
      a: {},
      x: { needs: ['a'], flow: keys({ race: 'g' }) },
      ok: {
        needs: ['x'],
        flow: keys({ waitFor: { signals: ['ok'], buffered: true, timeoutMinutes: null, from: [] } }),
      },
    };
    const { flow } = begin(input(workflow(jobs)));
    for (const key of ['a', 'x']) flow.complete(key);
    flow.signal('ok', { job: 'ok' });
    flow.signal('ok', { job: 'ok' });
    flow.finish('ok', goto('a'));
    flow.complete('a~2');
    expect(flow.complete('x~2')).toEqual(['job-waits']);
    expect(flow.shown['ok']).toBe('waiting');
    flow.signal('ok');
    flow.complete('ok~2');
    expect(flow.conclusion).toBe('success');
  });

  it('out of a run that is cancelled does not happen', () => {
    const { flow } = begin(input(workflow({ a: {}, c: { needs: ['a'], if: 'always()' } })));
    flow.complete('a');
    flow.cancel();
    flow.finish('c', goto('a'));
    expect(flow.conclusion).toBe('cancelled');
  });
});

describe('a jump forward', () => {
  it('skips what lies between, and does not wait for the needs of its target', () => {
    const jobs = { a: {}, b: { needs: ['a'] }, c: { needs: ['b'] }, d: { needs: ['c'] }, e: { needs: ['d'] } };
    const { flow } = begin(input(workflow(jobs)));
    const said = flow.finish('a', goto('d'));
    expect([...said].sort()).toEqual(['skipped b', 'skipped c', 'start d']);
    expect(flow.complete('d')).toEqual(['start e']);
    expect(flow.complete('e')).toEqual(['run success']);
  });

  it('to a job that also needs another one begins it once', () => {
    const { flow } = begin(input(workflow({ a: {}, o: {}, d: { needs: ['o'] } })));
    expect(flow.finish('a', goto('d'))).toContain('start d');
    expect(flow.complete('o')).toEqual([]);
    expect(flow.complete('d')).toEqual(['run success']);
  });

  it('to nowhere fails the job', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    flow.finish('a', goto('nope'));
    expect(flow.commands).toContainEqual(
      expect.objectContaining({ kind: 'job-concluded', key: 'a', conclusion: 'failure', reason: 'unknown-target' }),
    );
    expect(flow.neverStarted['b']).toBe('skipped needs');
  });
});

describe('next', () => {
  it('is where the run goes on when its condition holds for how the job ended', () => {
    const next = [
      { if: "failure() && outputs.tries != '2'", goto: 'a', with: { tries: '${{ outputs.tries }}' } },
      { if: "outputs.ship == 'no'", goto: 'end', with: {} },
    ];
    const { flow } = begin(
      input(workflow({ a: { flow: keys({ next }) }, ship: { needs: ['a'] }, end: { needs: ['ship'] } })),
    );
    expect(flow.complete('a', 'failure', { tries: '1' })).toEqual(['start a~2']);
    expect(flow.started.get('a~2')?.contexts.flow['with']).toEqual({ tries: '1' });
    expect(flow.complete('a~2', 'success', { ship: 'no' })).toEqual(['skipped ship', 'start end']);
    expect(flow.complete('end')).toEqual(['run success']);
  });

  it('leaves the run to the dependants when none holds', () => {
    const next = [{ if: 'failure()', goto: 'a', with: {} }];
    const { flow } = begin(input(workflow({ a: { flow: keys({ next }) }, b: { needs: ['a'] } })));
    expect(flow.complete('a')).toEqual(['start b']);
  });
});

describe('a jump of a job in a loop', () => {
  it('stays in its round', () => {
    const body = plans({ x: {}, y: { needs: ['x'] } });
    const { flow } = begin(
      input(
        withPlans({
          l: loop('l', { until: 'loop.index == 1', jobs: body }),
          after: { needs: ['l'] },
        }),
      ),
    );
    flow.complete('l@1.x');
    expect(flow.finish('l@1.y', goto('x'))).toEqual(['start l@1.x~2']);
    flow.complete('l@1.x~2');
    expect(flow.complete('l@1.y~2')).toEqual(['start l@2.x']);
    flow.complete('l@2.x');
    expect(flow.complete('l@2.y')).toContain('start after');
  });
});
