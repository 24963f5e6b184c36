import { describe, expect, it } from '@jest/globals';
import { begin } from './flow-driver.ts';
import { ACTIVE, count, each, keys } from './flow-keys.ts';
import { input, workflow } from './plans.ts';

describe('join: active', () => {
  const jobs = (m: object) =>
    workflow({
      a: { flow: keys({ choose: { mode: 'one', branches: [{ job: 'b', if: "outputs.k == '1'" }], default: 'c' } }) },
      b: { needs: ['a'] },
      b2: { needs: ['b'] },
      c: { needs: ['a'] },
      m: { needs: ['b2', 'c'], flow: ACTIVE, ...m },
    });

  it('waits for the branch that was chosen and not for one that was skipped all along', () => {
    const { flow } = begin(input(jobs({})));
    expect(flow.complete('a', 'success', { k: '1' })).toEqual(['skipped c', 'start b']);
    flow.complete('b');
    expect(flow.complete('b2')).toEqual(['start m']);
    expect(flow.complete('m')).toEqual(['run success']);
  });

  it('is skipped when no branch is left, whatever its condition says', () => {
    const { flow } = begin(
      input(
        workflow({
          a: { if: 'false' },
          b: { if: 'false' },
          m: { needs: ['a', 'b'], if: 'always()', flow: ACTIVE },
        }),
      ),
    );
    expect(flow.neverStarted['m']).toBe('skipped needs');
    expect(flow.conclusion).toBe('success');
  });

  it('does not begin by itself behind a branch that failed', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, m: { needs: ['a', 'b'], flow: ACTIVE } })));
    flow.complete('a', 'failure');
    expect(flow.complete('b')).toEqual(['skipped m', 'run failure']);
  });

  it('lets jobs behind it forget what was skipped before it', () => {
    const { flow } = begin(
      input(workflow({ a: { if: 'false' }, b: {}, m: { needs: ['a', 'b'], flow: ACTIVE }, n: { needs: ['m'] } })),
    );
    flow.complete('b');
    expect(flow.complete('m')).toEqual(['start n']);
  });
});

describe('join: count', () => {
  it('begins with enough successes, once', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, c: {}, j: { needs: ['a', 'b', 'c'], flow: count(2) } })));
    expect(flow.complete('a')).toEqual([]);
    expect(flow.complete('b')).toEqual(['start j']);
    expect(flow.complete('j')).toEqual([]);
    expect(flow.complete('c')).toEqual(['run success']);
  });

  it('is skipped as soon as enough cannot come any more', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, c: {}, j: { needs: ['a', 'b', 'c'], flow: count(2) } })));
    flow.complete('a', 'failure');
    expect(flow.complete('b', 'failure')).toEqual(['skipped j']);
    expect(flow.complete('c')).toEqual(['run failure']);
  });

  it('does not count a failure that is ignored, unless it says so', () => {
    const begun = [false, true].map((counted) => {
      const sketch = {
        a: { continueOnError: true },
        b: {},
        j: { needs: ['a', 'b'], flow: count(2, 'ignore', counted) },
      };
      const { flow } = begin(input(workflow(sketch)));
      flow.complete('b');
      return flow.complete('a', 'failure');
    });
    expect(begun).toEqual([['skipped j', 'run success'], ['start j']]);
  });

  it('does not count what was skipped', () => {
    const { flow } = begin(input(workflow({ a: { if: 'false' }, b: {}, j: { needs: ['a', 'b'], flow: count(1) } })));
    expect(flow.started.has('j')).toBe(false);
    expect(flow.complete('b')).toEqual(['start j']);
  });

  it('with late: cancel withdraws the others and what leads to them alone, which is neutral for the run', () => {
    const { flow } = begin(
      input(
        workflow({
          a: {},
          s: {},
          t: {},
          s2: { needs: ['s'] },
          other: { needs: ['t'] },
          t2: { needs: ['t'] },
          j: { needs: ['a', 's2', 't2'], flow: count(1, 'cancel') },
        }),
      ),
    );
    const said = flow.complete('a');
    expect(said).toContain('start j');
    expect(said).toContain('cancel s');
    expect(said).toContain('withdrawn s2');
    expect(said).toContain('withdrawn t2');
    // Something else needs it.
    expect(flow.cancelled.has('t')).toBe(false);
    flow.complete('j');
    flow.complete('s', 'cancelled');
    flow.complete('t');
    expect(flow.complete('other')).toEqual(['run success']);
    expect(flow.shown['s']).toBe('withdrawn');
  });

  it('with late: queue begins the next round only when the one before has drained', () => {
    const { flow } = begin(
      input(
        workflow({
          src: {},
          a: { needs: ['src'], flow: each() },
          b: { needs: ['src'], flow: each() },
          d: { needs: ['a', 'b'], flow: count(1, 'queue') },
        }),
      ),
    );
    flow.ask({ kind: 'emit', outputs: {} }, { job: 'src' });
    flow.complete('src');
    expect([...flow.running.keys()].sort()).toEqual(['a', 'a~2', 'b', 'b~2']);
    expect(flow.complete('a')).toEqual(['start d']);
    expect(flow.complete('a~2')).toEqual([]);
    expect(flow.complete('b')).toEqual(['start d~2']);
    flow.complete('b~2');
    flow.complete('d');
    expect(flow.complete('d~2')).toEqual(['run success']);
  });
});

describe('join: each', () => {
  it('begins once for each arrival, with what that arrival brought', () => {
    const { flow } = begin(input(workflow({ a: {}, b: {}, d: { needs: ['a', 'b'], flow: each() } })));
    expect(flow.complete('b', 'success', { v: '1' })).toEqual(['start d']);
    expect(flow.complete('a', 'success', { v: '2' })).toEqual(['start d~2']);
    expect(flow.started.get('d')?.contexts.needs['b']).toEqual({ result: 'success', outputs: { v: '1' } });
    expect(flow.started.get('d~2')?.contexts.needs['a']).toEqual({ result: 'success', outputs: { v: '2' } });
    expect(flow.started.get('d~2')?.iteration).toBe(2);
    flow.complete('d~2', 'failure');
    expect(flow.complete('d')).toEqual(['run failure']);
  });

  it('begins with a failure only where its condition holds for it', () => {
    const begun = [null, 'failure()'].map((condition) => {
      const { flow } = begin(input(workflow({ a: {}, b: {}, d: { needs: ['a', 'b'], if: condition, flow: each() } })));
      return [flow.complete('a', 'failure'), flow.complete('b')];
    });
    expect(begun).toEqual([
      [[], ['start d']],
      [['start d'], []],
    ]);
  });

  it('takes as many as its batch says at a time and drops what is left over', () => {
    const { flow } = begin(input(workflow({ src: {}, m: { needs: ['src'], flow: each(3) } })));
    for (let time = 0; time < 3; time++) flow.ask({ kind: 'emit', outputs: {} }, { job: 'src' });
    flow.complete('src');
    expect([...flow.started.keys()]).toEqual(['src', 'm']);
    flow.complete('m');
    expect(flow.conclusion).toBe('success');
  });

  it('begins as often as what it needs spawns', () => {
    const { flow } = begin(
      input(workflow({ a: { flow: keys({ spawn: '${{ outputs.n }}' }) }, b: { needs: ['a'], flow: each() } })),
    );
    expect(flow.complete('a', 'success', { n: '3' })).toEqual(['start b', 'start b~2', 'start b~3']);
  });

  it('does not begin as often as nobody can want: the job that spawns fails', () => {
    const { flow } = begin(
      input(workflow({ a: { flow: keys({ spawn: '${{ outputs.n }}' }) }, b: { needs: ['a'], flow: each() } })),
    );
    expect(flow.complete('a', 'success', { n: '99999999' })).toEqual(['job-concluded', 'skipped b', 'run failure']);
  });

  it('does not begin by a number that is empty: the job that spawns fails', () => {
    const { flow } = begin(
      input(workflow({ a: { flow: keys({ spawn: '${{ outputs.n }}' }) }, b: { needs: ['a'], flow: each() } })),
    );
    expect(flow.complete('a', 'success', { n: '' })).toEqual(['job-concluded', 'skipped b', 'run failure']);
    expect(flow.commands.find(({ kind }) => kind === 'job-concluded')).toMatchObject({
      message: '`spawn` takes a number, but it is empty.',
    });
  });

  it('is skipped when nothing arrives', () => {
    const { flow } = begin(input(workflow({ a: { if: 'false' }, d: { needs: ['a'], flow: each() } })));
    expect(flow.neverStarted).toEqual({ a: 'skipped condition', d: 'skipped needs' });
  });
});

describe('join: all with keep', () => {
  it('begins once for every complete set and keeps what comes beyond', () => {
    const { flow } = begin(
      input(workflow({ a: {}, b: {}, j: { needs: ['a', 'b'], flow: keys({ join: { mode: 'all', keep: true } }) } })),
    );
    flow.ask({ kind: 'emit', outputs: { n: '1' } }, { job: 'a' });
    expect(flow.complete('a', 'success', { n: '2' })).toEqual([]);
    expect(flow.ask({ kind: 'emit', outputs: {} }, { job: 'b' })).toEqual(['start j']);
    expect(flow.complete('b')).toEqual(['start j~2']);
    expect(flow.started.get('j')?.contexts.needs['a']).toEqual({ result: 'success', outputs: { n: '1' } });
    expect(flow.started.get('j~2')?.contexts.needs['a']).toEqual({ result: 'success', outputs: { n: '2' } });
    flow.complete('j');
    expect(flow.complete('j~2')).toEqual(['run success']);
  });
});

describe('choose', () => {
  const chooser = (mode: 'one' | 'many', otherwise: string | null) =>
    input(
      workflow({
        a: {
          flow: keys({
            choose: {
              mode,
              branches: [
                { job: 'b', if: 'outputs.n > 1' },
                { job: 'c', if: 'outputs.n > 2' },
              ],
              default: otherwise,
            },
          }),
        },
        b: { needs: ['a'], if: 'always()' },
        c: { needs: ['a'] },
        d: { needs: ['a'] },
      }),
    );

  it('one takes the first branch that holds; jobs that are not named are enabled', () => {
    const { flow } = begin(chooser('one', null));
    expect(flow.complete('a', 'success', { n: '3' })).toEqual(['skipped c', 'start b', 'start d']);
  });

  it('many takes all that hold', () => {
    const { flow } = begin(chooser('many', null));
    expect(flow.complete('a', 'success', { n: '3' })).toEqual(['start b', 'start c', 'start d']);
  });

  it('takes the default when none holds, and a job that was not chosen is skipped whatever its condition says', () => {
    const { flow } = begin(chooser('one', 'c'));
    expect(flow.complete('a', 'success', { n: '0' })).toEqual(['skipped b', 'start c', 'start d']);
    expect(flow.neverStarted['b']).toBe('skipped choice');
  });

  it('fails loudly when none holds and there is no default', () => {
    const { flow } = begin(chooser('many', null));
    flow.complete('a', 'success', { n: '0' });
    expect(flow.commands).toContainEqual(
      expect.objectContaining({ kind: 'job-concluded', key: 'a', conclusion: 'failure', reason: 'choice' }),
    );
    expect(flow.conclusion).toBe('failure');
  });
});
