/**
 * What holds in every job and every interleaving of start, finish, fail, wait, wait-all, cancel, time limit, job cancel
 * and kill. fast-check prints the seed of what it finds; a found seed becomes a test of its own.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StepPlan } from '../../src/protocol/plan.ts';
import { settle } from '../support/fake-clock.ts';
import { bg, cancel, fg, FakeJob, GRACE_MS, wait, waitAll } from '../support/fake-job.ts';

const RUNS = 400;

/** How a played step behaves between its start and its end. */
const pause = fc.constantFrom('', 'hold', 'hold', 'hold', 'stubborn', 'deaf');
const ending = fc.constantFrom('exit 0', 'exit 0', 'exit 3', 'throw bug');
const target = fc.nat(20);
const stepShape = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('bg' as const), pause, ending, keys: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fg' as const), pause, ending }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      targets: fc.array(target, { minLength: 1, maxLength: 4 }),
      continueOnError: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait-all' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), target }) },
);
const action = fc.record({
  what: fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('finish' as const), which: fc.nat(20) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(70_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
  ),
  /** False: the next action comes in the same instant, before anybody could react. */
  settled: fc.boolean(),
});

type Shape = typeof stepShape extends fc.Arbitrary<infer T> ? T : never;

function plansOf(shapes: readonly Shape[]): StepPlan[] {
  const plans: StepPlan[] = [];
  const background: string[] = [];
  const named = (index: number): string => background[index % background.length] ?? 'nobody';
  for (const [index, shape] of shapes.entries()) {
    const id = `s${String(index)}`;
    const writes = `env SHARED=${id}\nenv V_${id}=1\noutput id=${id}\n`;
    switch (shape.kind) {
      case 'bg':
        plans.push(bg(id, `${writes}${shape.pause}\n${shape.ending}`, oddKeys(shape.keys)));
        background.push(id);
        break;
      case 'fg':
        plans.push(fg(id, `${writes}${shape.pause}\n${shape.ending}`, { timeoutMinutes: 1 }));
        break;
      case 'wait':
        plans.push(wait(id, shape.targets.map(named), { continueOnError: shape.continueOnError }));
        break;
      case 'wait-all':
        plans.push(waitAll(id));
        break;
      case 'cancel':
        plans.push(cancel(id, named(shape.target)));
    }
  }
  return plans;
}

function oddKeys(n: number): Parameters<typeof bg>[2] {
  if (n === 0) return { if: 'false' };
  if (n === 1) return { if: 'always()' };
  if (n === 2) return { env: { X: '${{ fromJSON(env.NONE) }}' } };
  if (n === 3) return { continueOnError: true };
  return n < 6 ? { timeoutMinutes: 1 } : {};
}

interface Commit {
  readonly id: string;
  /** The control step that ran at that moment; null for none. */
  readonly by: string | null;
}

/** Plays a job to its end while it is watched; returns what can be said about it afterwards. */
async function play(
  plans: readonly StepPlan[],
  slots: number,
  actions: readonly (typeof action extends fc.Arbitrary<infer T> ? T : never)[],
): Promise<{ job: FakeJob; commits: readonly Commit[]; killed: boolean }> {
  const now = new Map<string, string>();
  let mostRunning = 0;
  const job = new FakeJob(plans, {
    maxBackground: slots,
    onChanged: (step, state) => {
      now.set(step.id ?? step.name, state);
      mostRunning = Math.max(mostRunning, inStates('running', 'cancelling').filter(isBackground).length);
    },
  });
  const inStates = (...states: string[]): string[] => [...now].filter(([, s]) => states.includes(s)).map(([id]) => id);
  const isBackground = (id: string): boolean =>
    plans.some((plan) => plan.id === id && 'background' in plan && plan.background);
  const isControl = (id: string): boolean =>
    !plans.some((plan) => plan.id === id && (plan.kind === 'run' || plan.kind === 'uses'));

  const commits: Commit[] = [];
  const commit = job.state.commit.bind(job.state);
  job.state.commit = (id, end) => {
    if (id?.startsWith('__') === false) commits.push({ id, by: inStates('running').find(isControl) ?? null });
    commit(id, end);
  };
  const slotsAreUsed = (): void => {
    // Nobody queues while a slot is free: a slot that leaked would leave a queue behind.
    if (inStates('queued').length > 0)
      expect(inStates('running', 'cancelling').filter(isBackground)).toHaveLength(slots);
  };

  let over = false;
  const { ended } = await job.start();
  void ended.then(() => (over = true));
  for (const { what, settled } of actions) {
    const { running } = job;
    if (what.kind === 'finish' && running.length > 0) job.playing(running[what.which % running.length]!).go();
    else if (what.kind === 'advance') await job.clock.advance(what.ms);
    else if (what.kind === 'cancel') job.cancel.cancel('user');
    else if (what.kind === 'kill') job.kill.cancel('user');
    if (!settled) continue;
    await settle();
    slotsAreUsed();
  }
  // What is left ends by itself, one at a time.
  for (let rounds = 0; rounds < 200; rounds++) {
    await settle();
    slotsAreUsed();
    if (over as boolean) break;
    const [first] = job.running;
    if (first === undefined) await job.clock.advance(GRACE_MS);
    else job.playing(first).go();
  }
  await ended;
  expect(mostRunning).toBeLessThanOrEqual(slots);
  return { job, commits, killed: job.kill.signal.aborted };
}

describe('in every interleaving', () => {
  it('each step reports once, slots hold, and effects commit once, at their barrier, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepShape, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(action, { maxLength: 20 }),
        async (shapes, slots, actions) => {
          const plans = plansOf(shapes);
          const { job, commits, killed } = await play(plans, slots, actions);
          everyStepReportedOnce(job);
          commitsAreOrderly(plans, commits, killed);
          contextAndReportAgree(plans, job, commits);
          environmentIsThatOfTheLastCommit(job, commits);
          statusFollows(plans, job);
          // A handler that never ends may still wait, but no clock does for it.
          expect(job.clock.pendingTimers).toBe(0);
        },
      ),
      { numRuns: RUNS },
    );
  }, 120_000);
});

function everyStepReportedOnce(job: FakeJob): void {
  for (const report of job.reports) {
    expect({ step: report.number, completions: job.completions.get(report.number) }).toEqual({
      step: report.number,
      completions: 1,
    });
    expect(report.conclusion).not.toBeNull();
    expect(report.completedAt).not.toBeNull();
    if (report.startedAt !== null && report.queuedAt !== null)
      expect(report.queuedAt <= report.startedAt && report.startedAt <= report.completedAt!).toBe(true);
  }
}

function commitsAreOrderly(plans: readonly StepPlan[], commits: readonly Commit[], killed: boolean): void {
  const background = plans.filter((plan) => 'background' in plan && plan.background).map(({ id }) => id);
  expect(new Set(commits.map(({ id }) => id)).size).toBe(commits.length);
  const byBarrier = new Map<string, string[]>();
  for (const { id, by } of commits) {
    if (!background.includes(id) || by === null) continue;
    byBarrier.set(by, [...(byBarrier.get(by) ?? []), id]);
  }
  for (const [barrier, taken] of byBarrier) {
    const plan = plans.find(({ id }) => id === barrier);
    const order = plan?.kind === 'wait' ? plan.targets : plan?.kind === 'cancel' ? [plan.target] : background;
    expect(taken).toEqual([...new Set(order)].filter((id) => taken.includes(id)));
  }
  if (killed) return;
  // Without a kill every barrier is reached, so nothing is left for the safety net; only skipped steps need no barrier.
  for (const id of background) {
    const commit = commits.find((other) => other.id === id);
    expect(commit).toBeDefined();
  }
}

function contextAndReportAgree(plans: readonly StepPlan[], job: FakeJob, commits: readonly Commit[]): void {
  for (const { id } of plans) {
    const { outcome, conclusion, outputs } = job.step(id);
    const context = job.state.steps[id];
    expect(context !== undefined).toBe(commits.some((commit) => commit.id === id));
    if (context) expect(context).toEqual({ outcome, conclusion, outputs });
  }
  for (const { id, by } of commits) {
    const plan = plans.find((other) => other.id === id);
    const unbarred = plan && 'background' in plan && plan.background && by === null;
    if (unbarred && !job.kill.signal.aborted) expect(job.step(id).conclusion).toBe('skipped');
  }
}

function environmentIsThatOfTheLastCommit(job: FakeJob, commits: readonly Commit[]): void {
  const writers = commits.map(({ id }) => id).filter((id) => job.step(id).outputs.id === id);
  expect(job.state.env.get('SHARED')).toBe(writers.at(-1));
  for (const report of job.reports)
    if (report.id !== null && ['run', 'uses'].includes(report.kind))
      expect(job.state.env.has(`V_${report.id}`)).toBe(writers.includes(report.id));
}

function statusFollows(plans: readonly StepPlan[], job: FakeJob): void {
  if (job.cancel.signal.aborted || job.kill.signal.aborted) {
    // Whoever cancels after the last step has ended comes too late.
    if (job.state.status === 'cancelled') return;
  }
  const excused = new Set(
    plans.flatMap((plan) => (plan.kind === 'wait' && plan.continueOnError === true ? plan.targets : [])),
  );
  const counts = job.reports.some(
    ({ id, background, conclusion }) => conclusion === 'failure' && !(background && id !== null && excused.has(id)),
  );
  expect(job.state.status).toBe(counts ? 'failure' : 'success');
}
