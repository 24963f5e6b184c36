import { describe, expect, it } from '@jest/globals';
import { evaluateTemplate } from '../../src/expressions/evaluate.ts';
import type { StepPlan, StepsJobPlan, WorkflowPlan } from '../../src/protocol/plan.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

function planOf(text: string): WorkflowPlan {
  const { plan, diagnostics } = parseWorkflow(text, 'w.yml');
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return plan!;
}

function jobOf(keys: string, steps = '[{ run: x }]'): StepsJobPlan {
  const job = planOf(`on: push\njobs:\n  a:\n    runs-on: x\n    ${keys}\n    steps: ${steps}\n`).jobs[0]!;
  if (job.kind !== 'steps') throw new Error('not a job with steps');
  return job;
}

function stepOf(step: string): StepPlan {
  return jobOf('', `[${step}]`).steps[0]!;
}

const ids = (steps: string): string[] => jobOf('', steps).steps.map(({ id }) => id);

describe('ids of steps without one', () => {
  it('come from what they do', () => {
    expect(
      ids(
        '[{ run: a }, { uses: actions/checkout@v4 }, { uses: o.x/r-y/sub@v1 }, { uses: ./a }, { uses: "docker://alpine:3.2" }, { run: b, background: true }, { wait-all: }]',
      ),
    ).toEqual(['__run', '__actions_checkout', '__o_x_r-y', '__self', '__alpine_3_2', '__run_2', '__wait-all']);
  });

  it('leave out the ids that are taken, groups included', () => {
    expect(ids('[{ id: _a, run: a }, { parallel: [{ run: b }, { run: c }] }, { parallel: [{ run: d }] }]')).toEqual([
      ...['_a', '__run', '__run_2', '__parallel', '__run_3', '__parallel_2'],
    ]);
  });

  it('are cut where they get too long, before the number', () => {
    const uses = `owner/${'n'.repeat(120)}@v1`;
    const [first, second] = ids(`[{ uses: ${uses} }, { uses: ${uses} }]`);
    expect(first).toHaveLength(99);
    expect(second).toHaveLength(99);
    expect(second).toMatch(/_2$/);
  });
});

describe('conditions', () => {
  it.each([
    ['always()', 'always()'],
    ['${{ always() }}', 'always()'],
    ['"  ${{ always() }}\\n"', 'always()'],
    ['true', 'true'],
    ['0', '0'],
    ["''", null],
    ['', null],
    ["${{ github.ref }} == 'x'", "${{ github.ref }} == 'x'"],
    ['${{ a.b }} && ${{ c.d }}'.replaceAll(/[ac]\./g, 'github.'), '${{ github.b }} && ${{ github.d }}'],
  ])('%s is %j', (written, condition) => {
    const step = jobOf('', `\n      - run: x\n        if: ${written}`).steps[0]!;
    expect('if' in step ? step.if : undefined).toBe(condition);
  });
});

describe('text where text is taken, types where they count', () => {
  it('env, with and runs-on are text', () => {
    expect(jobOf('env: { A: 1, B: 1.10, C: true, D: , E: 0x10, F: ~ }').env).toEqual({
      ...{ A: '1', B: '1.1', C: 'true', D: '', E: '16', F: '' },
    });
    expect(stepOf('{ uses: o/r@v1, with: { a: 1, b: false, c: } }')).toMatchObject({
      with: { a: '1', b: 'false', c: '' },
    });
  });

  it('the matrix keeps its types', () => {
    expect(jobOf('strategy: { matrix: { a: [1, "1", true, null, { b: [c] }, 1.50] } }').strategy!.matrix).toEqual({
      a: [1, '1', true, null, { b: ['c'] }, 1.5],
    });
  });

  it('numbers that JSON cannot hold stay as they are written', () => {
    expect(jobOf('strategy: { matrix: { a: [.inf, -.inf, .nan] } }').strategy!.matrix).toEqual({
      a: ['.inf', '-.inf', '.nan'],
    });
  });

  it('fractions of minutes are taken', () => {
    expect(jobOf('timeout-minutes: 0.25').timeoutMinutes).toBe(0.25);
  });
});

describe('an expression in place of a mapping', () => {
  const contexts = {
    vars: { env: '{"A":"b"}', run: '{"shell":"sh"}', strategy: '{"matrix":{"x":[1]},"fail-fast":false}' },
  };

  it('is merged into an environment when it is evaluated', () => {
    const { env } = jobOf('env: ${{ fromJSON(vars.env) }}');
    expect(evaluateTemplate(env, { contexts })).toEqual({ A: 'b' });
    const inserted = jobOf("env: { B: c, '${{ insert }}': '${{ fromJSON(vars.env) }}' }");
    expect(evaluateTemplate(inserted.env, { contexts })).toEqual({ A: 'b', B: 'c' });
  });

  it('is asked for the properties of defaults and of a strategy', () => {
    const { defaults } = jobOf('defaults: { run: "${{ fromJSON(vars.run) }}" }');
    expect(evaluateTemplate(defaults.shell, { contexts })).toBe('sh');
    expect(evaluateTemplate(defaults.workingDirectory, { contexts })).toBeNull();
    const { strategy } = jobOf('strategy: ${{ fromJSON(vars.strategy) }}');
    expect(evaluateTemplate(strategy!.matrix, { contexts })).toEqual({ x: [1] });
    expect(evaluateTemplate(strategy!.failFast, { contexts })).toBe(false);
    expect(evaluateTemplate(strategy!.maxParallel, { contexts })).toBeNull();
  });
});

describe('defaults of what is absent', () => {
  it('a job', () => {
    expect(jobOf('')).toMatchObject({
      ...{ name: null, needs: [], if: null, strategy: null, concurrency: null, permissions: null, environment: null },
      ...{ env: {}, outputs: {}, timeoutMinutes: null, continueOnError: false, container: null, services: null },
      defaults: { shell: null, workingDirectory: null },
    });
  });

  it('a step', () => {
    expect(stepOf('{ run: x }')).toEqual({
      ...{ kind: 'run', id: '__run', name: null, if: null, run: 'x', shell: null, workingDirectory: null, env: {} },
      ...{ continueOnError: false, timeoutMinutes: null, background: false, group: null, stopGrace: null },
      position: { file: 'w.yml', line: 6, column: 15 },
    });
  });

  it('concurrency as text does not cancel what runs', () => {
    expect(jobOf('concurrency: x').concurrency).toEqual({ group: 'x', cancelInProgress: false });
  });
});

describe('events', () => {
  const on = (text: string): WorkflowPlan['on'] =>
    planOf(`on: ${text}\njobs: { a: { runs-on: x, steps: [{ run: x }] } }\n`).on;

  it('mean the same in every form', () => {
    expect(on('push')).toEqual(on('[push]'));
    expect(on('push')).toEqual(on('{ push: }'));
    expect(on('{ push: { branches: main } }')).toEqual(on('{ push: { branches: [main] } }'));
  });

  it('an empty list of a filter is not the same as none', () => {
    expect(on('{ pull_request: { types: [] } }')['pull_request']!.types).toEqual([]);
    expect(on('{ pull_request: }')['pull_request']!.types).toBeNull();
  });

  it('defaults of inputs have the type of the input', () => {
    const inputs =
      "{ a: { type: boolean, default: 'false' }, b: { type: number, default: '3' }, c: { default: 1.0 }, d: }";
    const plan = on(`{ workflow_dispatch: { inputs: ${inputs} } }`)['workflow_dispatch']!;
    expect(Object.values(plan.inputs).map((input) => input.default)).toEqual([false, 3, '1', null]);
  });
});
