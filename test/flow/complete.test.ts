import { describe, expect, it } from '@jest/globals';
import { begin } from './flow-driver.ts';
import { each, keys, plans } from './flow-keys.ts';
import { input, workflow } from './plans.ts';

const COMPLETE = { kind: 'complete', job: 'p' } as const;

describe('a job that is declared complete', () => {
  const around = keys({
    before: plans({ pb: {}, pc: { needs: ['pb'] } }),
    after: plans({ pa: {} }),
    onFailure: plans({ pf: {} }),
    finally: plans({ pz: {} }),
  });
  const started = () => begin(input(workflow({ p: { flow: around }, n: { needs: ['p'] } }))).flow;

  it('while jobs before it run, does not begin itself, and goes on with what comes after it', () => {
    const flow = started();
    expect(flow.ask(COMPLETE)).toEqual(['cancel p@before.pb', 'withdrawn p@before.pc']);
    expect(flow.complete('p@before.pb', 'cancelled')).toEqual(['job-concluded', 'start p@after.pa']);
    expect(flow.complete('p@after.pa')).toEqual(['start p@finally.pz']);
    expect(flow.complete('p@finally.pz')).toEqual(['success p', 'start n']);
    expect(flow.neverStarted['p']).toBe('success completed');
    expect(flow.complete('n')).toEqual(['run success']);
  });

  it('while jobs after it run, waits for no more than what cleans up', () => {
    const flow = started();
    for (const key of ['p@before.pb', 'p@before.pc', 'p']) flow.complete(key);
    expect(flow.ask(COMPLETE)).toEqual(['cancel p@after.pa']);
    expect(flow.complete('p@after.pa', 'cancelled')).toEqual(['job-concluded', 'start p@finally.pz']);
    expect(flow.complete('p@finally.pz')).toEqual(['start n']);
    expect(flow.complete('n')).toEqual(['run success']);
  });

  it('when it has failed, stays what it is, and who asks is told', () => {
    const flow = started();
    for (const key of ['p@before.pb', 'p@before.pc']) flow.complete(key);
    expect(flow.complete('p', 'failure')).toEqual(['start p@on-failure.pf']);
    expect(flow.ask(COMPLETE)).toEqual([]);
    expect(flow.refused).toBe("The job 'p' has come to its result; what cleans up after it still runs.");
  });

  it('in its delay at the end, is not waited for any longer', () => {
    const stage = { number: 0, waitsFor: [], startsAfter: [], tolerant: false, delayBeforeMs: 0, delayAfterMs: 4 };
    const { flow } = begin(input(workflow({ p: { flow: keys({ stage }) }, n: { needs: ['p'] } })));
    flow.complete('p');
    expect(flow.ask(COMPLETE)).toEqual(['clear-timer', 'start n']);
    expect(flow.timers.size).toBe(0);
  });

  it('that begins for each arrival, begins for none that comes later', () => {
    const { flow } = begin(
      input(workflow({ a: {}, b: {}, p: { needs: ['a', 'b'], flow: each() }, n: { needs: ['p'] } })),
    );
    expect(flow.complete('a')).toEqual(['start p']);
    expect(flow.ask(COMPLETE)).toEqual(['cancel p']);
    expect(flow.complete('p', 'cancelled')).toEqual(['job-concluded', 'start n']);
    expect(flow.complete('b')).toEqual([]);
    expect(flow.complete('n')).toEqual(['run success']);
  });
});

describe('a job that begins for each arrival', () => {
  it('is completed between two of them', () => {
    const { flow } = begin(
      input(workflow({ a: {}, b: {}, p: { needs: ['a', 'b'], flow: each() }, n: { needs: ['p'] } })),
    );
    flow.complete('a');
    flow.complete('p');
    expect(flow.ask(COMPLETE)).toEqual(['start n']);
    expect(flow.refused).toBeNull();
  });
});

describe('a job that needs an approval', () => {
  const REFUSED = "The job 'w' needs an approval: a signal from one who may give it.";
  const approval = { waitFor: { signals: ['ok'], buffered: true, timeoutMinutes: null, from: ['bob'] } } as const;
  const complete = { kind: 'complete', job: 'w' } as const;

  it('is not completed before it was given', () => {
    const { flow } = begin(input(workflow({ a: {}, w: { needs: ['a'], flow: keys(approval) }, n: { needs: ['w'] } })));
    expect(flow.ask(complete)).toEqual([]);
    expect(flow.refused).toBe(REFUSED);
    flow.complete('a');
    expect(flow.ask(complete)).toEqual([]);
    expect(flow.refused).toBe(REFUSED);
    expect(flow.signal('ok', {}, 'bob')).toEqual(['start w']);
    expect(flow.ask(complete)).toEqual(['cancel w']);
    expect(flow.complete('w', 'cancelled')).toEqual(['job-concluded', 'start n']);
  });

  it('is not completed by the approval of before a jump back', () => {
    const back = keys({ next: [{ if: "outputs.again == 'yes'", goto: 'a', with: {} }] });
    const jobs = { a: {}, w: { needs: ['a'], flow: keys(approval) }, n: { needs: ['w'], flow: back } };
    const { flow } = begin(input(workflow(jobs)));
    flow.complete('a');
    flow.signal('ok', {}, 'bob');
    flow.complete('w');
    expect(flow.complete('n', 'success', { again: 'yes' })).toEqual(['start a~2']);
    flow.ask(complete);
    expect(flow.refused).toBe(REFUSED);
    flow.complete('a~2');
    flow.ask(complete);
    expect(flow.refused).toBe(REFUSED);
  });

  it('for each arrival is not completed while any of them has none', () => {
    const flows = keys({ ...approval, join: { mode: 'each', batch: 1 } });
    const { flow } = begin(input(workflow({ a: {}, b: {}, w: { needs: ['a', 'b'], flow: flows } })));
    flow.complete('a');
    flow.signal('ok', {}, 'bob');
    // What is still to come has none, too.
    flow.ask(complete);
    expect(flow.refused).toBe(REFUSED);
    flow.complete('b');
    flow.ask(complete);
    expect(flow.refused).toBe(REFUSED);
    flow.signal('ok', {}, 'bob');
    expect(flow.ask(complete)).toEqual(['cancel w', 'cancel w~2']);
  });
});

describe('a job that has not begun because one before it failed', () => {
  it('is told of as failed', () => {
    const { flow } = begin(input(workflow({ p: { flow: keys({ before: plans({ pb: {} }) }) } })));
    expect(flow.complete('p@before.pb', 'failure')).toEqual(['failure p', 'run failure']);
    expect(flow.settled.get('p')?.message).toMatch(/^It has not begun/);
  });
});
