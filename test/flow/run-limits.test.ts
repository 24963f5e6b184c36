import { describe, expect, it } from '@jest/globals';
import type { FlowEvent } from '../../src/flow/flow-event.ts';
import { type FlowStep, reduce, start } from '../../src/flow/reduce.ts';
import { begin } from './flow-driver.ts';
import { each, gate, keys, loop, ofRun, plans, withPlans } from './flow-keys.ts';
import { input } from './plans.ts';

const HELD = 'The run would hold more than 100000 jobs, rounds and arrivals.';
const ENDLESS = 'The run goes on and on without waiting for anything, and was ended.';
const MANY = 1_000_000_000;

const AGAIN = keys({ next: [{ if: 'always()', goto: 'a', with: {} }] });
const EVER = ofRun({ limits: { maxJumps: MANY, maxDepth: null } });
const endless = (more: Partial<Parameters<typeof loop>[1]> = {}) =>
  loop('a', { while: 'true', maxIterations: MANY, jobs: [gate('b')], ...more });

/** Ends of jobs that say why, as `key: reason`. */
function told({ commands }: FlowStep, sentence: string): string[] {
  return commands.flatMap((command) =>
    command.kind === 'job-settled' && command.message === sentence ? [`${command.key}: ${command.reason}`] : [],
  );
}

function started({ commands }: FlowStep): string[] {
  return commands.flatMap((command) => (command.kind === 'start-job' ? [command.key] : []));
}

const CANCEL: FlowEvent = { kind: 'cancel', cause: 'user', force: false };

function ended(key: string): FlowEvent {
  return { kind: 'job-completed', key, conclusion: 'success', reason: null, outputs: {} };
}

describe('a run that does not come to rest', () => {
  it('is ended, and a job of it says why', () => {
    const step = start(input(withPlans({ a: endless() })));
    expect(step.state.conclusion).toBe('failure');
    expect(told(step, ENDLESS)).toEqual([expect.stringMatching(/^a.*: run-limit$/)]);
    // A database takes a few seconds for so many.
    expect(step.commands.length).toBeLessThan(60_000);
  });

  it('still runs `finally` of its workflow, and is over when what ran has ended', () => {
    const last = plans({ z: { flow: keys({ after: plans({ y: {} }) }) } });
    const again = gate('a', { flow: { ...AGAIN, before: [gate('x')] } });
    const step = start(input(withPlans({ s: {}, a: again }, { ...EVER, finally: last })));
    expect(told(step, ENDLESS)).toEqual([expect.stringMatching(/^a.*: run-limit$/)]);
    expect(step.commands).toContainEqual({ kind: 'cancel-job', key: 's', cause: 'fail-fast' });
    let { state } = step;
    for (const [key, next] of [
      ['s', ['@finally.z']],
      ['@finally.z', ['@finally.z@after.y']],
      ['@finally.z@after.y', []],
    ] as const) {
      const after = reduce(JSON.parse(JSON.stringify(state)) as typeof state, ended(key));
      expect(started(after)).toEqual(next);
      ({ state } = after);
    }
    expect(state.conclusion).toBe('failure');
  });

  it('is no chain of 10,000 jobs that end at once', () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `g${index}`);
    const chain = ids.map((id, index) => [id, gate(id, { needs: index === 0 ? [] : [`g${index - 1}`] })] as const);
    expect(start(input(withPlans(Object.fromEntries(chain)))).state.conclusion).toBe('success');
  });
});

describe('a large run is no run that does not come to rest', () => {
  const WIDTH = 700;

  function many<T>(count: number, sketch: (id: string) => T): Record<string, T> {
    return Object.fromEntries(Array.from({ length: count }, (_, index) => [`j${index}`, sketch(`j${index}`)]));
  }

  /** A root, and two layers: each job of the second needs all of the first. */
  function layers<T extends Parameters<typeof withPlans>[0][string]>(job: (id: string, needs: readonly string[]) => T) {
    const first = many(WIDTH, (id) => job(id, ['root']));
    const ids = Object.keys(first);
    const second = Object.fromEntries(ids.map((id) => [`k${id}`, job(`k${id}`, ids)]));
    return { root: job('root', []), ...first, ...second };
  }

  const conclusions = ({ commands }: FlowStep): string[] =>
    commands.flatMap((command) => (command.kind === 'job-settled' ? [`${command.conclusion} ${command.reason}`] : []));

  it('when a failure skips all jobs behind it, each of which needs many', () => {
    const { state } = start(input(withPlans(layers((_, needs) => ({ needs })))));
    const step = reduce(state, { ...ended('root'), conclusion: 'failure' } as FlowEvent);
    expect(new Set(conclusions(step))).toEqual(new Set(['skipped needs']));
    expect(step.commands.at(-1)).toEqual({ kind: 'run-completed', conclusion: 'failure' });
  });

  it('when all jobs but the last are kept', () => {
    const jobs = layers((_, needs) => ({ needs }));
    const last = `kj${WIDTH - 1}`;
    const kept = { conclusion: 'success', reason: null, outputs: {} } as const;
    const earlier = Object.fromEntries(Object.keys(jobs).flatMap((id) => (id === last ? [] : [[id, kept]])));
    const step = start(input(withPlans(jobs), {}, { earlier }));
    expect(started(step)).toEqual([last]);
  });

  it('when layers of gates pass at once', () => {
    const step = start(input(withPlans(layers((id, needs) => gate(id, { needs })))));
    expect(step.state.conclusion).toBe('success');
  });

  it('when all of 10,000 jobs begin to wait, each with timers, and when it is cancelled then', () => {
    const waitFor = { signals: ['s'], buffered: true, timeoutMinutes: 5, from: [] };
    const jobs = many(10_000, () => ({ flow: keys({ waitFor, startWithinMinutes: 60 }) }));
    const waiting = start(input(withPlans(jobs)));
    expect([waiting.state.stopped, waiting.commands.length]).toEqual([undefined, 30_000]);
    const step = reduce(waiting.state, CANCEL);
    expect(step.state.conclusion).toBe('cancelled');
  });

  it('when 10,000 jobs that wait for a group are cancelled', () => {
    const concurrency = { group: 'g', cancelInProgress: false, queue: 'max' } as const;
    const jobs = many(10_000, () => ({ concurrency, flow: keys({ startWithinMinutes: 60 }) }));
    const step = reduce(start(input(withPlans(jobs))).state, CANCEL);
    expect(new Set(conclusions(step))).toEqual(new Set(['cancelled cancelled-by-user']));
    expect(step.commands.at(-1)).toEqual({ kind: 'run-completed', conclusion: 'cancelled' });
  });
});

describe('what a run holds', () => {
  const batches = keys({ join: { mode: 'each', batch: MANY } });
  const EMIT = { kind: 'requested', by: { job: 'a' }, request: { kind: 'emit', outputs: {} } } as const;

  /** A run that holds ten times ten thousand arrivals, but for a few. */
  function full(more: Parameters<typeof withPlans>[0], flow?: Parameters<typeof withPlans>[1]): FlowStep {
    const jobs = { a: { flow: keys({ spawn: 9_998 }) }, b: { needs: ['a'], flow: batches }, ...more };
    let step = start(input(withPlans(jobs, flow)));
    for (let time = 0; time < 10; time++) step = reduce(step.state, { ...EMIT, id: String(time) });
    expect([step.refused, step.state.arrivals.size]).toEqual([null, 99_980]);
    return step;
  }

  it('has a bound: arrivals beyond it are refused, and a job whose end would be one fails', () => {
    const { state } = full({});
    expect(reduce(state, { ...EMIT, id: 'more' }).refused).toBe(HELD);
    const { commands } = reduce(state, ended('a'));
    expect(commands).toContainEqual(
      expect.objectContaining({ kind: 'job-concluded', key: 'a', conclusion: 'failure', message: HELD }),
    );
    expect(commands.at(-1)).toEqual({ kind: 'run-completed', conclusion: 'failure' });
  });

  it('has a bound: a job that would begin beyond it fails, and what cleans up runs', () => {
    const more = {
      y: { needs: ['a'] },
      c: {},
      d: { needs: ['c'] },
      e: loop('e', { needs: ['c'], jobs: [gate('f')] }),
      z: { needs: ['d'], if: 'always()' },
      skipped: { needs: ['c'], if: 'false' },
    };
    const { state } = full(more, ofRun({ finally: plans({ last: {} }) }));
    const step = reduce(state, ended('c'));
    expect(told(step, HELD).sort()).toEqual(['d: run-limit', 'e: run-limit', 'z: run-limit']);
    expect(step.commands).toContainEqual(
      expect.objectContaining({ key: 'skipped', conclusion: 'skipped', reason: 'condition' }),
    );
    expect(started(reduce(step.state, ended('a')))).toEqual(['@finally.last']);
  });

  it('counts texts that its gates and loops make', () => {
    const outputs = { text: "${{ format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', vars.long) }}" };
    const jobs = { a: endless({ jobs: [gate('b', { outputs })] }) };
    const step = start(input(withPlans(jobs), {}, {}, { vars: { long: 'x'.repeat(500_000) } }));
    expect(step.state.conclusion).toBe('failure');
    expect(told(step, HELD)).toEqual(['a@20.b: condition-error']);
  });
});

describe('a job that begins for each arrival', () => {
  it('and cannot for one of them, ends when those that run have', () => {
    const condition = "needs.a.result == 'success' || fromJSON(needs.b.outputs.x)";
    const jobs = { a: {}, b: {}, p: { needs: ['a', 'b'], if: condition, flow: each() }, n: { needs: ['p'] } };
    const { flow } = begin(input(withPlans(jobs)));
    expect(flow.complete('a')).toEqual(['start p']);
    expect(flow.complete('b', 'success', { x: '{' })).toEqual(['failure p~2']);
    expect(flow.complete('p')).toEqual(['skipped n', 'run failure']);
  });
});

it('a lock goes on to three thousand gates, one after the other', () => {
  const concurrency = { group: 'g', cancelInProgress: null, scope: 'run' } as const;
  const jobs = {
    a: { concurrency },
    b: gate('b', { flow: keys({ spawn: 3_000 }) }),
    c: gate('c', { needs: ['b'], concurrency, flow: each() }),
  };
  const { state } = start(input(withPlans(jobs)));
  expect(reduce(state, ended('a')).state.conclusion).toBe('success');
});
