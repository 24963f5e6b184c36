import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobPlan, WorkflowPlan } from '../../src/protocol/plan.ts';
import { allJobs } from '../../src/workflow/all-jobs.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

/** Few ids, so that jobs often name each other. */
const id = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('r', 'region:r', 's', '${{ github.ref }}', 'a');
const condition = fc.constantFrom('true', 'github.ref', 'needs.a.result', 'flow.attempt > 1', 'nope');
const few = fc.integer({ min: 0, max: 4 });
const flag = fc.boolean();
const duration = fc.constantFrom('1s', '500ms', '2m', '1.5h', '5');
const word = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
/** Mostly right; a wrong value must do no harm. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(null),
  few,
  text,
  fc.constant([]),
  fc.constant({}),
  fc.constant([{}]),
);
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: odd });
const some = (keys: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  fc.record(Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, mostly(value)])), { requiredKeys: [] });
const oneOrMore = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(value, fc.array(value, { maxLength: 3 }));

const join = fc.oneof(
  word('all', 'active', 'first', 'each'),
  some({
    ...{ mode: word('all', 'active', 'first', 'each'), count: few, late: word('ignore', 'queue', 'cancel') },
    ...{ keep: flag, batch: few, 'count-ignored-failures': flag },
  }),
);
const steps = fc.array(
  fc.oneof(
    some({ run: text, stage: few, id, background: flag, 'run-until-stage': few }),
    some({ wait: oneOrMore(id) }),
    some({ parallel: fc.array(some({ run: text, stage: few }), { maxLength: 2 }) }),
  ),
  { maxLength: 3 },
);

/** Keys that have no jobs in them. */
const plain: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  ...{ needs: oneOrMore(id), if: condition, join, choose: word('one', 'many'), spawn: few, race: text },
  branches: fc.dictionary(id, fc.oneof(condition, id), { maxKeys: 3 }),
  milestone: some({ job: id, state: word('running', 'success', 'queued'), otherwise: word('skip', 'fail') }),
  'wait-for': fc.oneof(
    text,
    some({ signal: oneOrMore(text), buffered: flag, from: oneOrMore(text), 'timeout-minutes': few }),
  ),
  ...{
    region: oneOrMore(text),
    cancels: fc.oneof(oneOrMore(id), some({ on: word('start', 'success'), targets: text })),
  },
  section: some({ lock: text, name: text }),
  concurrency: some({
    group: text,
    scope: word('run', 'repository'),
    limit: few,
    'keep-waiting': flag,
    queue: word('max'),
  }),
  next: oneOrMore(some({ if: condition, goto: id, with: fc.dictionary(id, text, { maxKeys: 2 }) })),
  ...{ failure: word('ignore', 'stop-branch'), terminate: word('success'), 'start-within-minutes': few },
  'start-at': fc.constantFrom('2030-01-01T00:00:00Z', 'tomorrow', '${{ needs.a.outputs.t }}'),
  retry: fc.oneof(
    few,
    some({
      'max-attempts': few,
      backoff: some({ min: duration, max: duration, jitter: few }),
      'exit-codes': oneOrMore(few),
    }),
  ),
  ...{ stage: few, 'run-until-stage': few, 'delay-before': duration, 'delay-after': duration },
  ...{ outputs: fc.dictionary(id, text, { maxKeys: 2 }), 'runs-on': text, steps },
  stages: fc.dictionary(fc.constantFrom('0', '1', '01', 'x'), some({ 'delay-before': duration }), {
    maxKeys: 2,
  }),
  uses: fc.constantFrom('./.github/workflows/w.yml', './x'),
  strategy: some({
    instances: few,
    dynamic: flag,
    sync: flag,
    'complete-when': some({ count: few, if: condition, rest: word('run') }),
  }),
};

/** @param depth How deep jobs may be nested in these. */
function jobsOf(depth: number): fc.Arbitrary<unknown> {
  const inner: Readonly<Record<string, fc.Arbitrary<unknown>>> =
    depth === 0 ? {} : { loop: loopOf(depth), ...around(jobsOf(depth - 1)) };
  const keys = Object.entries({ ...plain, ...inner }).map(([key, value]) => [key, seldom(mostly(value))] as const);
  const job = fc
    .record(Object.fromEntries(keys))
    // Seldom of one kind alone if left to chance.
    .chain((all) => fc.constantFrom(all, onlyOf('steps', all), onlyOf('loop', all), onlyOf('gate', all)));
  const jobs = fc.dictionary(id, mostly(job), { minKeys: 1, maxKeys: 3 });
  return fc.oneof(jobs, jobs.map(tidied));
}

const UNTIDY = [
  ...['needs', 'choose', 'branches', 'stage', 'run-until-stage', 'delay-before', 'delay-after', 'stages'],
];

/** Without what is wrong most often, so that some files are right. */
function tidied(jobs: Record<string, unknown>): Record<string, unknown> {
  const ids = Object.keys(jobs).sort();
  return Object.fromEntries(
    ids.map((own, index) => {
      const kept = Object.entries(jobs[own] ?? {}).filter(([key]) => !UNTIDY.includes(key));
      const rest: Record<string, unknown> = Object.fromEntries(kept);
      const body = rest['loop'] === undefined ? { 'runs-on': 'x', steps: [{ run: 'x' }], uses: undefined } : {};
      return [
        own,
        index === 0 ? { ...rest, ...body, join: undefined } : { ...rest, ...body, needs: ids.slice(0, index) },
      ];
    }),
  );
}

function loopOf(depth: number): fc.Arbitrary<unknown> {
  const vars = fc.dictionary(id, few, { maxKeys: 2 });
  return some({ while: condition, until: condition, vars, jobs: jobsOf(depth - 1), 'max-iterations': few });
}

function around(jobs: fc.Arbitrary<unknown>): Record<string, fc.Arbitrary<unknown>> {
  return { before: jobs, after: jobs, 'on-failure': jobs, 'on-cancel': jobs, finally: jobs };
}

function seldom(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

const jobs = jobsOf(1);

function onlyOf(kind: string, keys: Record<string, unknown>): Record<string, unknown> {
  const body = ['uses', 'loop', 'steps', 'runs-on', 'strategy', 'stages', 'retry'];
  const rest = Object.fromEntries(Object.entries(keys).filter(([key]) => !body.includes(key)));
  if (kind === 'steps') return { ...rest, retry: keys['retry'], 'runs-on': 'x', steps: [{ run: 'x' }] };
  return kind === 'loop' ? { ...rest, loop: keys['loop'] } : rest;
}

const file = fc.record(
  {
    on: fc.constant('push'),
    jobs,
    finally: jobs,
    limits: some({ 'max-jumps': few, 'max-depth': few }),
    'fail-fast': mostly(flag),
    'job-stages': mostly(fc.constant('sequential')),
    'stage-failure': word('stop', 'continue'),
  },
  { requiredKeys: ['on', 'jobs'] },
);

/** What is promised of a plan, whatever the file was. */
function expectMeant(plan: WorkflowPlan): void {
  expectJobsMeant(plan.jobs);
  expectJobsMeant(plan.flow?.finally ?? []);
  for (const job of allJobs(plan)) {
    if (job.kind === 'loop') expectJobsMeant(job.jobs);
    for (const around of [
      job.flow?.before,
      job.flow?.after,
      job.flow?.onFailure,
      job.flow?.onCancel,
      job.flow?.finally,
    ])
      expectJobsMeant(around ?? []);
  }
}

function expectJobsMeant(siblings: readonly JobPlan[]): void {
  const byId = new Map(siblings.map((job) => [job.id, job]));
  for (const { id: own, needs, flow } of siblings) {
    for (const need of needs) expect(byId.has(need)).toBe(true);
    if (!flow) continue;
    if (flow.join.mode === 'count') expect(flow.join.count).toBeLessThanOrEqual(needs.length);
    for (const { job } of flow.choose?.branches ?? []) expect(byId.get(job)?.needs).toContain(own);
    if (typeof flow.choose?.default === 'string') expect(byId.get(flow.choose.default)?.needs).toContain(own);
    for (const { goto } of flow.next) expect(byId.has(goto)).toBe(true);
    if (flow.milestone) expect(byId.has(flow.milestone.job)).toBe(true);
    for (const target of flow.cancels?.targets ?? [])
      expect(target.startsWith('region:') || byId.has(target)).toBe(true);
    for (const waited of flow.stage?.waitsFor ?? []) expect(byId.has(waited)).toBe(true);
  }
}

describe('whatever jobs a file has', () => {
  it('it gives errors, or a plan that is JSON and names only what is there', () => {
    fc.assert(
      fc.property(file, (content) => {
        const { plan, diagnostics } = parseWorkflow(JSON.stringify(content), 'w.yml');
        expect(plan === null).toBe(diagnostics.some(({ severity }) => severity === 'error'));
        if (plan === null) return;
        expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(plan);
        expectMeant(plan);
      }),
      { numRuns: 150 },
    );
  });
});
