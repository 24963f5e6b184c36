import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Diagnostic } from '../../src/protocol/diagnostic.ts';
import type { StagePlan } from '../../src/protocol/flow-plan.ts';
import type { JobPlan } from '../../src/protocol/plan.ts';
import { MAX_STAGE_WAITS } from '../../src/workflow/check-stages.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const STEPS = 'runs-on: x, steps: [{ run: make }]';

/** A workflow of jobs with these keys. */
function workflow(jobs: Readonly<Record<string, string>>, top = ''): string {
  const lines = Object.entries(jobs).map(([id, keys]) => `  ${id}: { ${keys === '' ? '' : `${keys}, `}${STEPS} }\n`);
  return `on: push\n${top === '' ? '' : `${top}\n`}jobs:\n${lines.join('')}`;
}

interface Staged {
  readonly jobs: readonly JobPlan[];
  readonly stages: Readonly<Record<string, StagePlan | null>>;
  readonly warnings: readonly Diagnostic[];
  /** Everything that a job waits for, through others too. */
  readonly before: (id: string) => readonly string[];
}

function staged(jobs: Readonly<Record<string, string>>, top = ''): Staged {
  const { plan, diagnostics } = parseWorkflow(workflow(jobs, top), 'w.yml');
  if (plan === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  const stages = Object.fromEntries(plan.jobs.map(({ id, flow }) => [id, flow?.stage ?? null]));
  const before = (id: string): readonly string[] => {
    const direct = stages[id]?.waitsFor ?? [];
    return [...new Set([...direct, ...direct.flatMap(before)])].sort();
  };
  return { jobs: plan.jobs, stages, warnings: diagnostics, before };
}

const waits = ({ stages }: Staged): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(stages).map(([id, stage]) => [id, stage?.waitsFor ?? []]));

describe('stages of steps', () => {
  it('qa-run-until-rejected: a step runs until the end of its job', () => {
    const text = 'on: push\njobs: { a: { runs-on: x, steps: [{ run: x, stage: 0, run-until-stage: 1 }] } }\n';
    const { diagnostics } = parseWorkflow(text, 'w.yml');
    expect(diagnostics.map(({ severity, rule }) => [severity, rule])).toEqual([['error', 'stage']]);
  });
});

describe('stages of jobs', () => {
  it('qs-unsorted: lower numbers go first, in whatever order they are written', () => {
    expect(waits(staged({ A: 'stage: 2', B: 'stage: 1' }))).toEqual({ A: ['B'], B: [] });
  });

  it('qs-same-stage-barrier: the next stage waits for all of the one before', () => {
    expect(waits(staged({ A: 'stage: 0', B: 'stage: 0', C: 'stage: 1' }))).toEqual({ A: [], B: [], C: ['A', 'B'] });
  });

  it('qs-deferred-overlap: a job that runs until a stage is waited for by that stage alone', () => {
    const plan = staged({ A: 'stage: 0, run-until-stage: 2', B: 'stage: 1', C: 'stage: 2' });
    expect(waits(plan)).toEqual({ A: [], B: [], C: ['B', 'A'] });
    expect(plan.stages['B']?.startsAfter).toEqual(['A']);
  });

  it('qs-two-deferred: each is waited for by its own stage', () => {
    const plan = staged({
      ...{ A: 'stage: 0, run-until-stage: 2', B: 'stage: 1, run-until-stage: 3' },
      ...{ C: 'stage: 2', D: 'stage: 3' },
    });
    expect(waits(plan)).toEqual({ A: [], B: [], C: ['A'], D: ['C', 'B'] });
    expect(plan.before('D')).toEqual(['A', 'B', 'C']);
  });

  it('qs-deferred-with-immediate-peer: its peers are waited for as ever', () => {
    const plan = staged({ A: 'stage: 0, run-until-stage: 2', B: 'stage: 0', C: 'stage: 1' });
    expect(waits(plan)).toEqual({ A: [], B: [], C: ['B'] });
  });

  it('qs-missing-target: nobody waits for a job whose stage never comes, and a warning says so', () => {
    const plan = staged({ A: 'stage: 0, run-until-stage: 99', B: 'stage: 0', C: 'stage: 1' });
    expect(waits(plan)).toEqual({ A: [], B: [], C: ['B'] });
    expect(plan.warnings).toMatchObject(
      [{ severity: 'warning', rule: 'stage', line: 3, column: 35, length: 2, message: /^no job is in stage 99/ }].map(
        (warning) => ({ ...warning, message: expect.stringMatching(warning.message) }),
      ),
    );
  });

  it('qs-gap-target: only the very stage waits, not a later one', () => {
    const plan = staged({ A: 'stage: 0, run-until-stage: 2', B: 'stage: 1', C: 'stage: 3' });
    expect(waits(plan)).toEqual({ A: [], B: [], C: ['B'] });
    expect(plan.warnings).toHaveLength(1);
  });

  it.each([
    ['qs-target-own-stage', { A: 'stage: 1, run-until-stage: 1', B: 'stage: 2' }],
    ['qs-target-past', { A: 'stage: 2, run-until-stage: 0', B: 'stage: 3' }],
  ])('%s: a target that is not later is never waited for, and a warning says so', (_, jobs) => {
    const plan = staged(jobs);
    expect(waits(plan)).toEqual({ A: [], B: [] });
    expect(plan.stages['B']?.startsAfter).toEqual(['A']);
    expect(plan.warnings.map(({ rule, severity }) => [severity, rule])).toEqual([['warning', 'stage']]);
  });

  it('qs-default-index: jobs without stages go one after the other', () => {
    const plan = staged({ A: '', B: '', C: '' }, 'job-stages: sequential');
    expect(waits(plan)).toEqual({ A: [], B: ['A'], C: ['B'] });
    expect(Object.values(plan.stages).map((stage) => stage?.number)).toEqual([0, 1, 2]);
  });

  it('qs-mixed-explicit-default: a job without a stage has its place among the others', () => {
    const plan = staged({ A: '', B: 'stage: 0', C: '' });
    expect(waits(plan)).toEqual({ A: [], B: [], C: ['A', 'B'] });
    expect(plan.stages['C']?.number).toBe(2);
  });

  it('qs-negative-sparse: numbers are compared as numbers', () => {
    const plan = staged({ late: 'stage: 40', early: 'stage: -5', middle: 'stage: 0' });
    expect(waits(plan)).toEqual({ early: [], middle: ['early'], late: ['middle'] });
  });

  it('qs-delay-counts: delays are kept in milliseconds', () => {
    const plan = staged({ A: 'stage: 0, delay-before: 3s, delay-after: 1.5m', B: 'stage: 1' });
    expect(plan.stages['A']).toMatchObject({ delayBeforeMs: 3_000, delayAfterMs: 90_000 });
    expect(plan.stages['B']).toMatchObject({ delayBeforeMs: 0, delayAfterMs: 0, waitsFor: ['A'] });
  });

  it('qs-target-waits-delay-after: the target waits for the job, whose delay is a part of it', () => {
    const plan = staged({ A: 'stage: 0, run-until-stage: 1, delay-after: 5s', B: 'stage: 1' });
    expect(plan.stages['B']?.waitsFor).toEqual(['A']);
  });

  it('qs-action-failure-not-session-failure: a failure ends its stage, unless stages tolerate it', () => {
    const jobs = { A: 'stage: 0', B: 'stage: 1' };
    expect(staged(jobs).stages['B']?.tolerant).toBe(false);
    expect(staged(jobs, 'stage-failure: stop').stages['B']?.tolerant).toBe(false);
    expect(staged(jobs, 'stage-failure: continue').stages['B']?.tolerant).toBe(true);
  });

  it('qs-session-crash: a job that runs until the end is left to the end of the run', () => {
    const plan = staged({ A: 'stage: 0', D: 'stage: 0, run-until-stage: 9', B: 'stage: 1' });
    expect(waits(plan)).toEqual({ A: [], D: [], B: ['A'] });
  });
});

describe('jobs beside the stages', () => {
  it('a job with needs is in no stage, and nobody waits for it', () => {
    const plan = staged({ A: 'stage: 0', side: 'needs: A', B: 'stage: 1' });
    expect(plan.stages['side']).toBeNull();
    expect(plan.stages['B']?.waitsFor).toEqual(['A']);
  });

  it('a job with needs does not count where the others get their numbers', () => {
    const plan = staged({ A: '', side: 'needs: A', B: '', C: 'stage: 1' });
    expect(plan.stages['B']?.number).toBe(1);
    expect(waits(plan)).toMatchObject({ B: ['A'], C: ['A'] });
  });

  it('a workflow without stages has jobs without flow', () => {
    expect(staged({ A: '', B: '' }).jobs.map((job) => 'flow' in job)).toEqual([false, false]);
  });

  it('a circle through needs and stages cannot be, as jobs of stages need nothing', () => {
    const { diagnostics } = parseWorkflow(workflow({ A: 'stage: 0, needs: B', B: 'stage: 1' }), 'w.yml');
    expect(diagnostics.map(({ rule }) => rule)).toEqual(['stage']);
  });
});

it('more waits than a plan may hold are refused', () => {
  const jobs = Object.fromEntries(
    Array.from({ length: 800 }, (_, n) => [`j${n}`, `stage: ${n % 2}`]).map(([id, keys]) => [id!, keys!]),
  );
  const { plan, diagnostics } = parseWorkflow(workflow(jobs), 'w.yml');
  expect(plan).toBeNull();
  expect(diagnostics).toMatchObject([{ rule: 'stage', line: 2, column: 1 }]);
  expect(diagnostics[0]?.message).toContain(String(MAX_STAGE_WAITS));
});

/** As it is defined: for each job all that it must wait for. */
function defined(jobs: readonly { stage: number; until: number | null }[]): readonly (readonly number[])[] {
  const numbers = new Set(jobs.map(({ stage }) => stage));
  return jobs.map((job) =>
    jobs.flatMap((other, index) => {
      if (other.until === null) return other.stage < job.stage ? [index] : [];
      const { stage, until } = other;
      return stage < until && until <= job.stage && numbers.has(until) ? [index] : [];
    }),
  );
}

const anyJob = fc.record({
  stage: fc.integer({ min: -2, max: 4 }),
  until: fc.option(fc.integer({ min: -2, max: 5 }), { nil: null }),
});

describe('what is left out follows from what is there', () => {
  it('and nothing could be left out besides', () => {
    fc.assert(
      fc.property(fc.array(anyJob, { minLength: 1, maxLength: 9 }), (jobs) => {
        const keys = jobs.map(
          ({ stage, until }) => `stage: ${stage}${until === null ? '' : `, run-until-stage: ${until}`}`,
        );
        const plan = staged(Object.fromEntries(keys.map((key, index) => [`j${index}`, key])));
        defined(jobs).forEach((all, index) => {
          const id = `j${index}`;
          expect(plan.before(id)).toEqual(all.map((other) => `j${other}`).sort());
          const direct = plan.stages[id]!.waitsFor;
          for (const need of direct)
            expect(direct.filter((other) => other !== need && plan.before(other).includes(need))).toEqual([]);
          const lower = jobs.flatMap((other, at) =>
            other.stage < jobs[index]!.stage && !all.includes(at) ? [`j${at}`] : [],
          );
          expect([...plan.stages[id]!.startsAfter].sort()).toEqual(lower.sort());
        });
      }),
      { numRuns: 300 },
    );
  });
});
