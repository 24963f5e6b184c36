import { describe, expect, it } from '@jest/globals';
import { start } from '../../src/flow/reduce.ts';
import type { JobConclusion } from '../../src/protocol/conclusion.ts';
import { begin, FlowDriver } from './flow-driver.ts';
import { input, workflow } from './plans.ts';

describe('needs', () => {
  it('starts what needs nothing, and each other job when the last of its needs is settled', () => {
    const { flow, first } = begin(
      input(workflow({ a: {}, b: { needs: ['a'] }, c: { needs: ['a'] }, d: { needs: ['b', 'c'] } })),
    );
    expect(first).toEqual(['start a']);
    expect(flow.complete('a')).toEqual(['start b', 'start c']);
    expect(flow.complete('c')).toEqual([]);
    expect(flow.complete('b')).toEqual(['start d']);
    expect(flow.complete('d')).toEqual(['run success']);
  });

  it('finds a needed job without regard to case, and one that is named twice', () => {
    const { flow } = begin(input(workflow({ Build: {}, b: { needs: ['build', 'BUILD'] } })));
    flow.complete('Build', 'success', { x: '1' });
    expect(flow.started.get('b')?.contexts.needs).toEqual({ Build: { result: 'success', outputs: { x: '1' } } });
  });

  it('shows results and outputs of the jobs that are needed, and of no others', () => {
    const { flow } = begin(
      input(workflow({ a: {}, b: { needs: ['a'] }, c: { needs: ['b'], if: 'always()' }, d: { needs: ['a', 'c'] } })),
    );
    flow.complete('a', 'success', { x: '1', empty: '' });
    flow.complete('b');
    expect(flow.started.get('c')?.contexts.needs).toEqual({ b: { result: 'success', outputs: {} } });
    flow.complete('c', 'success', { y: '2' });
    expect(flow.started.get('d')?.contexts.needs).toEqual({
      a: { result: 'success', outputs: { x: '1' } },
      c: { result: 'success', outputs: { y: '2' } },
    });
  });

  it('settles a long chain of skipped jobs at once', () => {
    const length = 10_000;
    const jobs = Object.fromEntries(
      Array.from({ length }, (_, index) => [`j${index}`, index === 0 ? { if: 'false' } : { needs: [`j${index - 1}`] }]),
    );
    const { commands } = start(input(workflow(jobs)));
    expect(commands).toHaveLength(length + 1);
    expect(commands.at(-1)).toEqual({ kind: 'run-completed', conclusion: 'success' });
  });

  it('handles jobs that are named like members of an object', () => {
    const { flow, first } = begin(input(workflow({ constructor: {}, toString: { needs: ['constructor'] } })));
    expect(first).toEqual(['start constructor']);
    expect(flow.complete('constructor')).toEqual(['start toString']);
    expect(flow.complete('toString')).toEqual(['run success']);
  });

  it('completes a run without jobs', () => {
    expect(begin(input(workflow({}))).first).toEqual(['run success']);
  });

  it('ignores an event that does not fit', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    for (const key of ['b', 'unknown', 'constructor']) {
      const event = { kind: 'job-completed', key, conclusion: 'failure', reason: null, outputs: {} } as const;
      expect(flow.send(event)).toEqual([]);
    }
    flow.complete('a');
    flow.complete('b');
    expect(flow.send({ kind: 'cancel', cause: 'user', force: true })).toEqual([]);
  });
});

describe('if', () => {
  /** What becomes of `c`, which needs `b`, which needs `a`, when `a` ends with `result`. */
  function after(result: JobConclusion, conditions: { b?: string; c?: string }): { b: string; c: string } {
    const { flow } = begin(
      input(
        workflow({
          a: {},
          b: { needs: ['a'], if: conditions.b ?? null },
          c: { needs: ['b'], if: conditions.c ?? null },
        }),
      ),
    );
    flow.complete('a', result);
    if (flow.running.has('b')) flow.complete('b');
    if (flow.running.has('c')) flow.complete('c');
    expect(flow.conclusion).not.toBeNull();
    const of = (key: string): string => flow.neverStarted[key] ?? 'ran';
    return { b: of('b'), c: of('c') };
  }

  it.each<[JobConclusion, { b?: string; c?: string }, { b: string; c: string }]>([
    ['success', {}, { b: 'ran', c: 'ran' }],
    ['success', { b: 'false' }, { b: 'skipped condition', c: 'skipped needs' }],
    ['success', { b: 'failure()' }, { b: 'skipped condition', c: 'skipped needs' }],
    ['success', { b: "needs.a.result == 'success'" }, { b: 'ran', c: 'ran' }],
    ['failure', {}, { b: 'skipped needs', c: 'skipped needs' }],
    ['failure', { b: 'true' }, { b: 'skipped needs', c: 'skipped needs' }],
    ['failure', { b: 'success()' }, { b: 'skipped condition', c: 'skipped needs' }],
    ['cancelled', {}, { b: 'skipped needs', c: 'skipped needs' }],
    ['cancelled', { b: 'failure()' }, { b: 'skipped condition', c: 'skipped needs' }],
    ['cancelled', { b: 'cancelled()' }, { b: 'skipped condition', c: 'skipped needs' }],
    ['skipped', {}, { b: 'skipped needs', c: 'skipped needs' }],
    // A condition that calls a status function takes part; what comes after it is again up to all before it.
    ['failure', { b: 'always()' }, { b: 'ran', c: 'skipped needs' }],
    ['failure', { b: 'failure()', c: 'failure()' }, { b: 'ran', c: 'ran' }],
    ['failure', { c: 'failure()' }, { b: 'skipped needs', c: 'ran' }],
    ['failure', { c: 'always()' }, { b: 'skipped needs', c: 'ran' }],
    ['skipped', { b: 'always()' }, { b: 'ran', c: 'skipped needs' }],
    ['skipped', { b: 'always()', c: '!failure() && !cancelled()' }, { b: 'ran', c: 'ran' }],
    ['skipped', { b: '!failure()' }, { b: 'ran', c: 'skipped needs' }],
    ['success', { b: "always() && needs.a.result != 'success'" }, { b: 'skipped condition', c: 'skipped needs' }],
  ])('after %s, with %j: %j', (result, conditions, expected) => {
    expect(after(result, conditions)).toEqual(expected);
  });

  it('may read github, inputs, vars and needs', () => {
    const condition =
      "github.ref == 'main' && inputs.deploy && vars.STAGE == 'prod' && contains(needs.*.result, 'success') && needs.a.outputs.x == '1'";
    const { flow } = begin(
      input(
        workflow({ a: {}, b: { needs: ['a'], if: condition } }),
        {},
        {},
        {
          github: { ref: 'main' },
          inputs: { deploy: true },
          vars: { STAGE: 'prod' },
        },
      ),
    );
    expect(flow.complete('a', 'success', { x: '1' })).toEqual(['start b']);
  });

  it('fails a job whose condition cannot be evaluated, with a sentence', () => {
    const { flow, first } = begin(input(workflow({ a: { if: "fromJSON('x')" }, b: { needs: ['a'] } })));
    expect(first).toEqual(['failure a', 'skipped b', 'run failure']);
    expect(flow.settled.get('a')).toMatchObject({
      reason: 'condition-error',
      message:
        "The expression `fromJSON('x')` could not be evaluated: fromJSON() was given a text of 1 characters that is not JSON.",
    });
  });
});

describe('the conclusion of the run', () => {
  const three = workflow({ a: {}, b: {}, c: {} });

  it.each<[JobConclusion[], string]>([
    [['success', 'success', 'success'], 'success'],
    [['success', 'failure', 'success'], 'failure'],
    [['success', 'cancelled', 'success'], 'cancelled'],
    [['failure', 'cancelled', 'success'], 'failure'],
    [['skipped', 'withdrawn', 'success'], 'success'],
    [['skipped', 'skipped', 'skipped'], 'success'],
  ])('of %j is %s', (results, expected) => {
    const flow = new FlowDriver(input(three));
    ['a', 'b', 'c'].forEach((key, index) => flow.complete(key, results[index]));
    expect(flow.conclusion).toBe(expected);
  });

  it('takes no notice of a failure that continue-on-error allows', () => {
    const { flow } = begin(input(workflow({ a: { continueOnError: true }, b: { needs: ['a'] } })));
    expect(flow.started.get('a')?.continueOnError).toBe(true);
    expect(flow.complete('a', 'failure')).toEqual(['start b']);
    expect(flow.started.get('b')?.contexts.needs).toEqual({ a: { result: 'success', outputs: {} } });
    expect(flow.complete('b')).toEqual(['run success']);
  });

  it('lets continue-on-error change nothing but a failure', () => {
    const { flow } = begin(input(workflow({ a: { continueOnError: '${{ vars.soft == null }}' } })));
    expect(flow.complete('a', 'cancelled')).toEqual(['run cancelled']);
  });
});
