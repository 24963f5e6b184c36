/** Random workflows, and what may happen to their runs. */
import fc from 'fast-check';
import type { FlowInput } from '../../src/flow/flow-input.ts';
import type { JobConclusion } from '../../src/protocol/conclusion.ts';
import { callable, input, workflow, type JobSketch } from './plans.ts';

const CONDITIONS = [
  null,
  'success()',
  'failure()',
  'always()',
  'cancelled()',
  '!cancelled()',
  "always() && !contains(needs.*.result, 'failure')",
  "github.ref == 'main'",
  'false',
  "fromJSON('broken')",
];
const GROUPS = ['g', 'h', "${{ matrix.n || 'g' }}"];
const MAX_JOBS = 7;

/** Jobs whose needs are earlier jobs; `callees`: workflows that they may call. */
export function jobs(callees: readonly string[]): fc.Arbitrary<Record<string, JobSketch>> {
  const job = fc.record({
    needs: fc.array(fc.nat(MAX_JOBS), { maxLength: 3 }),
    if: fc.constantFrom(...CONDITIONS),
    matrix: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 3 }),
    failFast: fc.boolean(),
    maxParallel: fc.constantFrom(null, 1, 2),
    concurrency: fc.option(
      fc.record({
        group: fc.constantFrom(...GROUPS),
        cancelInProgress: fc.boolean(),
        queue: fc.constantFrom('single' as const, 'max' as const),
      }),
      { freq: 2 },
    ),
    continueOnError: fc.constantFrom(null, true, '${{ matrix.n == 1 }}', 'broken'),
    uses: callees.length === 0 ? fc.constant(undefined) : fc.option(fc.constantFrom(...callees), { nil: undefined }),
  });
  return fc.array(job, { minLength: 1, maxLength: MAX_JOBS }).map((list) =>
    Object.fromEntries(
      list.map(({ needs, matrix, failFast, maxParallel, concurrency, uses, continueOnError, ...rest }, index) => {
        const strategy = { failFast, maxParallel };
        const sketch: JobSketch = {
          ...rest,
          ...(uses === undefined ? { continueOnError } : { uses }),
          needs: index === 0 ? [] : needs.map((need) => `j${need % index}`),
          strategy: matrix === null ? strategy : { ...strategy, matrix: { n: [1, 2, 3].slice(0, matrix) } },
          ...(concurrency === null ? {} : { concurrency }),
        };
        return [`j${index}`, sketch];
      }),
    ),
  );
}

export const runs: fc.Arbitrary<FlowInput> = fc
  .record({
    root: jobs(['v', 'w']),
    v: jobs(['w']),
    w: jobs([]),
    group: fc.option(fc.constantFrom('g', 'h'), { freq: 2 }),
  })
  .map(({ root, v, w, group }) =>
    input(workflow(root), {
      v: callable(v),
      w: callable(w, {}, group === null ? {} : { concurrency: { group, cancelInProgress: null } }),
    }),
  );

/** What happens next: which of the running jobs ends and how, or a cancel. */
export interface Happening {
  readonly pick: number;
  readonly conclusion: JobConclusion;
  readonly cancel: string;
}
const happenings: fc.Arbitrary<Happening> = fc.record({
  pick: fc.nat(),
  conclusion: fc.constantFrom<JobConclusion>('success', 'success', 'success', 'failure', 'cancelled'),
  cancel: fc.constantFrom(...Array.from({ length: 40 }, () => 'no'), 'user', 'force'),
});
/** Used again from its start when a run takes longer. */
export const steps = fc.array(happenings, { minLength: 20, maxLength: 60 });
