import { describe, expect, it } from '@jest/globals';
import type { Diagnostic } from '../../src/protocol/diagnostic.ts';
import { allJobs } from '../../src/workflow/all-jobs.ts';
import { MAX_JOB_LEVELS } from '../../src/workflow/job-grammar.ts';
import { loadWorkflows } from '../../src/workflow/load-workflows.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

/** Loops in loops, with a job with steps in the innermost; levels of `jobs` in all. */
function nested(levels: number): string {
  let jobs = '{ inner: { runs-on: x, steps: [{ run: x }] } }';
  for (let level = 1; level < levels; level++) jobs = `{ l${level}: { loop: { until: true, jobs: ${jobs} } } }`;
  return `on: push\njobs: ${jobs}\n`;
}

describe('jobs inside of jobs', () => {
  it('go as deep as the limit, and one level more is refused', () => {
    const { plan, diagnostics } = parseWorkflow(nested(MAX_JOB_LEVELS), 'w.yml');
    expect(diagnostics).toEqual([]);
    expect(allJobs(plan!)).toHaveLength(MAX_JOB_LEVELS);
    const tooDeep = parseWorkflow(nested(MAX_JOB_LEVELS + 1), 'w.yml').diagnostics;
    expect(tooDeep.map(({ rule }) => rule)).toEqual(['nesting']);
    expect(tooDeep[0]?.message).toContain(`the limit is ${MAX_JOB_LEVELS} levels`);
  });

  it('have ids of their own: the same one may stand in each mapping', () => {
    const job = 'runs-on: x, steps: [{ run: x }]';
    const { plan, diagnostics } = parseWorkflow(
      `on: push\njobs: { a: { before: { a: { ${job} } }, after: { a: { ${job} } }, ${job} } }\nfinally: { a: { ${job} } }\n`,
      'w.yml',
    );
    expect(diagnostics).toEqual([]);
    expect(allJobs(plan!).map(({ id }) => id)).toEqual(['a', 'a', 'a', 'a']);
  });

  it('are checked as those of the workflow are, steps included', () => {
    const jobs = '{ p: { runs-on: x, steps: [{ wait: q }] }, o: { needs: r, runs-on: x, steps: [{ run: x }] } }';
    const rules = ['before', 'after', 'on-failure', 'on-cancel', 'finally'].map((key) => {
      const text = `on: push\njobs: { a: { ${key}: ${jobs}, runs-on: x, steps: [{ run: x }] } }\n`;
      return parseWorkflow(text, 'w.yml').diagnostics.map(({ rule }) => rule);
    });
    expect(rules).toEqual(Array(5).fill(['step-target', 'needs']));
  });

  it('may name as needs what has ended before them, to read it: the job around which they are, and its needs', () => {
    const job = (keys: string): string => `{ ${keys}runs-on: x, steps: [{ run: 'echo \${{ needs.o.result }}' }] }`;
    const says = (key: string, needs: string): (string | undefined)[] => {
      const inner = `${key}: { p: ${job(`needs: [${needs}], `)} }`;
      const text = `on: push\njobs: { o: ${job('')}, u: ${job('')}, a: ${job(`needs: o, ${inner}, `)} }\n`;
      return parseWorkflow(text, 'w.yml').diagnostics.flatMap(({ rule }) => (rule === 'needs' ? [rule] : []));
    };
    for (const key of ['after', 'on-failure', 'on-cancel', 'finally']) expect(says(key, 'a, o')).toEqual([]);
    expect(says('before', 'o')).toEqual([]);
    expect(says('before', 'a')).toEqual(['needs']);
    expect(says('finally', 'u')).toEqual(['needs']);
  });

  it('of finally of the workflow may name any job of it as needs', () => {
    const job = 'runs-on: x, steps: [{ run: x }]';
    const text = `on: push\njobs: { a: { ${job} }, b: { ${job} } }\nfinally: { z: { needs: [a, b], ${job} }, y: { needs: c, ${job} } }\n`;
    expect(parseWorkflow(text, 'w.yml').diagnostics.map(({ message }) => message)).toEqual([
      'job `y` needs an unknown job `c`',
    ]);
  });

  it('know the regions of all jobs of the file', () => {
    const job = (keys: string): string => `{ ${keys}, runs-on: x, steps: [{ run: x }] }`;
    const text = `on: push\njobs: { a: ${job(`before: { b: ${job('region: r')} }`)}, c: ${job('cancels: region:r')} }\n`;
    expect(parseWorkflow(text, 'w.yml').diagnostics).toEqual([]);
  });
});

describe('workflows that are called', () => {
  const CALLED = 'on: workflow_call\njobs: { x: { runs-on: x, steps: [{ run: x }] } }\n';
  const A = './.github/workflows/a.yml';

  async function load(
    main: string,
    files: Readonly<Record<string, string>>,
  ): Promise<{ calls: Readonly<Record<string, number>>; diagnostics: readonly Diagnostic[]; uses: string[] }> {
    const loaded = await loadWorkflows({ name: 'main.yml', bytes: Buffer.from(main) }, ({ uses }) => {
      const text = files[uses];
      return Promise.resolve(
        text === undefined ? { kind: 'problem', message: `no ${uses}` } : { kind: 'read', bytes: Buffer.from(text) },
      );
    });
    const uses = loaded.workflows.flatMap(allJobs).flatMap((job) => (job.kind === 'call' ? [job.uses] : []));
    return { calls: loaded.calls, diagnostics: loaded.diagnostics, uses };
  }

  it.each([
    ['a loop', `loop: { until: true, jobs: { b: { uses: ${A} } } }`],
    ['before', `before: { b: { uses: ${A} } }, runs-on: x, steps: [{ run: x }]`],
    ['finally', `finally: { b: { uses: ${A} } }, runs-on: x, steps: [{ run: x }]`],
  ])('are found in %s', async (_, keys) => {
    const { calls, diagnostics } = await load(`on: push\njobs: { a: { ${keys} } }\n`, { [A]: CALLED });
    expect(diagnostics).toEqual([]);
    expect(calls).toEqual({ [A]: 1 });
  });

  it('belong to the repository of the one that calls them, in a loop as well', async () => {
    const remote = 'octo/ci/.github/workflows/loop.yml@v1';
    const loop = `on: workflow_call\njobs: { l: { loop: { until: true, jobs: { b: { uses: ${A} } } } } }\n`;
    const inner = 'octo/ci/.github/workflows/a.yml@v1';
    const { diagnostics, uses } = await load(`on: push\njobs: { a: { uses: ${remote} } }\n`, {
      [remote]: loop,
      [inner]: CALLED,
    });
    expect(diagnostics).toEqual([]);
    expect(uses).toEqual([remote, inner]);
  });

  it.each([
    ['a list', '[push, workflow_call]'],
    ['a mapping', '{ push: , workflow_call: }'],
  ])('are said to be refused where the file calls itself, with events as %s', (_, on) => {
    const text = `on: ${on}\njobs: { b: { uses: ${A} } }\n`;
    const { plan, diagnostics } = parseWorkflow(text, A.slice('./'.length));
    expect(plan).not.toBeNull();
    expect(diagnostics.map(({ severity, line, column, message }) => ({ severity, line, column, message }))).toEqual([
      {
        severity: 'warning',
        line: 2,
        column: 20,
        message: `\`${A}\` is this workflow itself, and without \`limits.max-depth\` a run of it is refused; add \`limits: { max-depth: 10 }\` for ten levels`,
      },
    ]);
  });

  it.each([
    ['has a limit', '[push, workflow_call]', 'limits: { max-depth: 3 }\n'],
    ['begins no run', 'workflow_call', ''],
  ])('may be calls of the file itself where it %s', (_, on, top) => {
    const text = `on: ${on}\n${top}jobs: { b: { uses: ${A} } }\n`;
    expect(parseWorkflow(text, A.slice('./'.length)).diagnostics).toEqual([]);
  });

  it('may call themselves where the workflow that runs limits how deep', async () => {
    const itself = `on: workflow_call\njobs: { again: { if: github.ref, uses: ${A} } }\n`;
    const main = `on: push\njobs: { a: { uses: ${A} } }\n`;
    const refused = await load(main, { [A]: itself });
    expect(refused.diagnostics.map(({ message }) => message)).toEqual([
      `'${A}' ends up calling itself; \`limits.max-depth\` of the workflow that runs says how deep it may`,
    ]);
    const { diagnostics, calls } = await load(`${main}limits: { max-depth: 3 }\n`, { [A]: itself });
    expect(diagnostics).toEqual([]);
    expect(calls).toEqual({ [A]: 1 });
  });
});
