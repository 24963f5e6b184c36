/** runStep as composite actions use it, and what decides about its end. */
import { describe, expect, it } from '@jest/globals';
import { AbortScope } from '../../src/kernel/cancellation.ts';
import { DEFAULT_LADDER } from '../../src/process/running-process.ts';
import { JobState } from '../../src/steps/job-state.ts';
import { runStep } from '../../src/steps/run-step.ts';
import { NO_EFFECTS } from '../../src/steps/step-effects.ts';
import type { StepEnd } from '../../src/steps/step-end.ts';
import type { StepFrame, StepTask } from '../../src/steps/step-frame.ts';
import type { HandlerResult } from '../../src/steps/step-handler.ts';
import type { StepScope } from '../../src/steps/step-scope.ts';
import { StepStop } from '../../src/steps/step-stop.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { fakeLog, fg, NO_PROCESSES } from '../support/fake-job.ts';

const RESULT: HandlerResult = {
  outcome: 'success',
  reason: null,
  exitCode: 0,
  signal: null,
  effects: NO_EFFECTS,
  summary: null,
};

class Bench {
  readonly clock = new FakeClock();
  readonly outer = new AbortScope();
  readonly kill = new AbortScope();
  readonly lines: string[] = [];
  readonly frame: StepFrame;
  scope: StepScope | null = null;

  constructor(
    state = new JobState({ env: new Map(), path: [], jobStatus: () => 'success' }),
    graceMs: number | null = null,
  ) {
    const contexts = () => ({ inputs: { who: 'me', odd: '${{ 1 }}' }, job: { container: {} } });
    const { clock } = this;
    const hashFiles = (patterns: readonly string[]): Promise<string> => Promise.resolve(`hash of ${patterns.join()}`);
    this.frame = { state, contexts, hashFiles, processes: NO_PROCESSES, ladder: DEFAULT_LADDER, clock, graceMs };
  }

  async run(
    plan: Parameters<typeof fg>[2],
    run: (scope: StepScope) => Promise<HandlerResult>,
    task: Partial<StepTask> = {},
  ): Promise<StepEnd> {
    const stop = new StepStop(this.outer.signal, this.kill.signal);
    const step = fg('inner', '', plan);
    try {
      return await runStep(
        {
          plan: step,
          displayName: null,
          condition: { kind: 'if', text: step.if },
          run: (scope) => {
            this.scope = scope;
            return run(scope);
          },
          ...task,
        },
        { frame: this.frame, key: '7.2', log: fakeLog(this.lines), stop },
      );
    } finally {
      stop.dispose();
    }
  }
}

const untilStopped = (scope: StepScope): Promise<HandlerResult> =>
  new Promise((resolve) => {
    const end = (): void => resolve({ ...RESULT, outcome: 'stopped', exitCode: 130, signal: 'SIGINT' });
    if (scope.signal.aborted) end();
    scope.signal.addEventListener('abort', end, { once: true });
  });

describe('an inner step', () => {
  it('sees its contexts, the environment of the step around it, and its own on top', async () => {
    const state = new JobState({
      env: new Map([
        ['A', '1'],
        ['B', '1'],
      ]),
      path: ['/p'],
      jobStatus: () => 'success',
    });
    const bench = new Bench(state);
    const env = { B: '${{ inputs.who }}', C: '${{ env.A }}-${{ env.B }}', N: 3, T: true, E: null };
    await bench.run({ env }, () => Promise.resolve(RESULT));
    expect(Object.fromEntries(bench.scope!.env)).toEqual({ A: '1', B: 'me', C: '1-1', N: '3', T: 'true', E: '' });
    expect(bench.scope).toMatchObject({ path: ['/p'], key: '7.2', status: 'success' });
    expect(bench.scope!.contexts).toMatchObject({ inputs: { who: 'me' }, job: { container: {}, status: 'success' } });
  });

  it('text in an evaluated environment is not evaluated again', async () => {
    const bench = new Bench();
    await bench.run({ env: { X: '${{ inputs.odd }}' } }, () => Promise.resolve(RESULT));
    expect(bench.scope!.env.get('X')).toBe('${{ 1 }}');
  });

  it('a value that is no text is a problem of the step', async () => {
    const bench = new Bench();
    const end = await bench.run({ env: { X: '${{ inputs }}' } }, () => Promise.resolve(RESULT));
    expect(end).toMatchObject({ outcome: 'failure', reason: 'condition-error' });
    expect(bench.scope).toBeNull();
  });

  it('hashFiles() is available in its condition and its environment', async () => {
    const bench = new Bench();
    await bench.run({ if: "hashFiles('x') == 'hash of x'", env: { H: "${{ hashFiles('a', 'b') }}" } }, () =>
      Promise.resolve(RESULT),
    );
    expect(bench.scope!.env.get('H')).toBe('hash of a,b');
  });

  it('returns its effects and leaves the state to who owns it', async () => {
    const bench = new Bench();
    const effects = { ...NO_EFFECTS, env: new Map([['A', '1']]) };
    const end = await bench.run({}, () => Promise.resolve({ ...RESULT, outcome: 'failure', exitCode: 4, effects }));
    expect(end).toMatchObject({ outcome: 'failure', exitCode: 4, effects });
    expect(bench.frame.state.env.size).toBe(0);
    expect(bench.frame.state.status).toBe('success');
  });

  it.each([
    ['cancel-step', 'cancelled', 'cancelled-by-step'],
    ['user', 'cancelled', 'job-cancelled'],
    ['job-timeout', 'cancelled', 'job-cancelled'],
    ['shutdown', 'cancelled', 'job-cancelled'],
    ['step-timeout', 'failure', 'timed-out'],
  ] as const)('stopped by %s with the step around it, it is %s (%s)', async (cause, outcome, reason) => {
    const bench = new Bench();
    const ended = bench.run({}, untilStopped);
    await settle();
    bench.outer.cancel(cause);
    await expect(ended).resolves.toMatchObject({ outcome, reason, exitCode: 130, signal: 'SIGINT' });
  });

  it('is asked at once when the step around it was asked before', async () => {
    const bench = new Bench();
    bench.outer.cancel('user');
    await expect(bench.run({}, untilStopped)).resolves.toMatchObject({ outcome: 'cancelled' });
  });

  it('is never written off itself', async () => {
    const bench = new Bench();
    bench.outer.cancel('user');
    void bench.run({}, () => new Promise(() => undefined));
    await settle();
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('a handler that stops without having been asked has a bug', async () => {
    const end = await new Bench().run({}, () => Promise.resolve({ ...RESULT, outcome: 'stopped' }));
    expect(end).toMatchObject({ outcome: 'failure', reason: 'internal-error' });
  });

  it('a kill asks first', async () => {
    const bench = new Bench();
    const order: string[] = [];
    const ended = bench.run({}, (scope) => {
      scope.signal.addEventListener('abort', () => order.push(`signal, kill ${String(scope.kill.aborted)}`));
      scope.kill.addEventListener('abort', () => order.push('kill'));
      return untilStopped(scope);
    });
    await settle();
    bench.kill.cancel('user');
    await ended;
    expect(order).toEqual(['signal, kill false', 'kill']);
  });
});

describe('a stage of an action', () => {
  it.each([
    ['always()', 'failure', true],
    ['success()', 'failure', false],
    ['inputs.who', 'failure', true],
    ['${{ !failure() }}', 'failure', false],
    ["inputs.who == 'you'", 'success', false],
  ])('with the condition %s after a %s: nothing is implied', async (text, status, runs) => {
    const state = new JobState({ env: new Map(), path: [], jobStatus: null });
    if (status === 'failure') state.fold('failure');
    const bench = new Bench(state);
    const end = await bench.run({}, () => Promise.resolve(RESULT), {
      displayName: 'Post it',
      condition: { kind: 'verbatim', text },
    });
    expect(end.outcome).toBe(runs ? 'success' : 'skipped');
  });
});

describe('being asked to end', () => {
  it('a request to cancel outranks the time limit as long as the step runs; the signal keeps the first', () => {
    const stop = new StepStop(null, null);
    stop.ask('step-timeout');
    stop.ask('cancel-step');
    stop.ask('user');
    expect(stop.cause).toBe('cancel-step');
    expect(stop.signal.reason).toMatchObject({ kind: 'step-timeout' });
  });

  it('the cause is there when the signal fires', () => {
    const stop = new StepStop(null, null);
    const causes: unknown[] = [];
    stop.signal.addEventListener('abort', () => causes.push(stop.cause));
    stop.ask('cancel-step');
    expect(causes).toEqual(['cancel-step']);
  });

  it('once disposed it follows nobody', () => {
    const parent = new AbortScope();
    const stop = new StepStop(parent.signal, null);
    stop.dispose();
    parent.cancel('user');
    expect(stop.signal.aborted).toBe(false);
  });
});
