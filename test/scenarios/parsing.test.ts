/** Scenarios 1 to 23: what is accepted and what is refused before any job starts. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

const A = '- { id: a, background: true, run: "true" }';
const B = '- { id: b, background: true, run: "true" }';

function errorsOf(steps: string): { message: string; line: number; column: number; length: number }[] {
  const { diagnostics } = parseWorkflow(jobOf(steps), 'w.yml');
  return diagnostics.filter(({ severity }) => severity === 'error');
}

/** The text under the caret of an error. */
function offending(steps: string, { line, column, length }: { line: number; column: number; length: number }): string {
  const text = jobOf(steps).split('\n')[line - 1]!;
  return text.slice(column - 1, column - 1 + length);
}

describe('accepted', () => {
  it.each([
    ['1: a wait for an earlier background step', `${A}\n- wait: a`],
    ['2: a wait for two', `${A}\n${B}\n- wait: [a, b]`],
    ['3: a bare wait-all', `${A}\n- wait-all:`],
    ['3: wait-all: true', `${A}\n- wait-all: true`],
    ['19: a composite action in the background', '- { id: c, background: true, uses: ./composite }\n- wait: c'],
    [
      '23: background steps without ids before a wait-all',
      '- { background: true, run: a }\n- { background: true, run: b }\n- wait-all:',
    ],
  ])('%s', (_, steps) => {
    expect(errorsOf(steps)).toEqual([]);
  });

  it('3: both forms of wait-all mean the same', () => {
    const plans = ['- wait-all:', '- wait-all: true'].map((barrier) => {
      const { plan } = parseWorkflow(jobOf(`${A}\n${barrier}`), 'w.yml');
      const job = plan!.jobs[0]!;
      return job.kind === 'steps' ? job.steps[1] : null;
    });
    expect(plans[0]).toMatchObject({ kind: 'wait-all', implicit: false });
    expect({ ...plans[0], position: null }).toEqual({ ...plans[1], position: null });
  });
});

describe('refused', () => {
  it.each([
    ['4: wait-all: false', `${A}\n- wait-all: false`, 'false'],
    ['4: wait-all: soon', `${A}\n- wait-all: soon`, 'soon'],
    ['6: an unknown target', `${A}\n- wait: typo`, 'typo'],
    ['7: a later target', `- wait: a\n${A}`, 'a'],
    ['8: a foreground target', '- { id: f, run: "true" }\n- wait: f', 'f'],
    ['9: a wait for itself', `${A}\n- { id: w, wait: w }`, 'w'],
    ['10: a reserved target', `${A}\n- wait: __run`, '__run'],
    ['11: if on wait', `${A}\n- { wait: a, if: always() }`, 'if'],
    ['11: if on wait-all', `${A}\n- { wait-all: true, if: always() }`, 'if'],
    ['11: if on cancel', `${A}\n- { cancel: a, if: always() }`, 'if'],
    ['11: if on parallel', '- if: always()\n  parallel:\n    - run: "true"', 'if'],
    ['12: timeout-minutes on a control step', `${A}\n- { wait: a, timeout-minutes: 1 }`, 'timeout-minutes'],
    ['12: env on a control step', `${A}\n- { cancel: a, env: { A: b } }`, 'env'],
    ['12: shell on a control step', `${A}\n- { wait-all: true, shell: bash }`, 'shell'],
    ['13: name beside parallel', '- name: n\n  parallel:\n    - run: "true"', 'name'],
    ['13: id beside parallel', '- id: n\n  parallel:\n    - run: "true"', 'id'],
    ['14: background: true inside parallel', '- parallel:\n    - { run: "true", background: true }', 'background'],
    ['14: background: false inside parallel', '- parallel:\n    - { run: "true", background: false }', 'background'],
    ['15: wait inside parallel', `${A}\n- parallel:\n    - wait: a`, 'wait'],
    ['15: wait-all inside parallel', `${A}\n- parallel:\n    - wait-all:`, 'wait-all'],
    ['15: cancel inside parallel', `${A}\n- parallel:\n    - cancel: a`, 'cancel'],
    ['15: parallel inside parallel', '- parallel:\n    - parallel:\n        - run: "true"', 'parallel'],
    ['17: an expression for background', '- { run: "true", background: "${{ matrix.bg }}" }', '${{ matrix.bg }}'],
    ['21: an id used again inside parallel', `${A}\n- parallel:\n    - { id: a, run: "true" }\n- wait: a`, 'a'],
    ['22: a target in another case', '- { id: db, background: true, run: "true" }\n- wait: DB', 'DB'],
    ['106: a wait for a child of a group', '- parallel:\n    - { id: child, run: "true" }\n- wait: child', 'child'],
  ])('%s', (_, steps, text) => {
    const errors = errorsOf(steps);
    expect(errors).toHaveLength(1);
    expect(offending(steps, errors[0]!)).toContain(text);
  });

  it('5: a list for cancel', () => {
    expect(errorsOf(`${A}\n- cancel: [a]`)).toHaveLength(1);
  });

  it('15: each keyword inside parallel has its own message', () => {
    const messages = ['wait: a', 'wait-all:', 'cancel: a', 'parallel: [{ run: "true" }]'].map(
      (key) => errorsOf(`${A}\n- parallel:\n    - ${key}`)[0]!.message,
    );
    expect(new Set(messages).size).toBe(4);
  });

  it.each([
    ['run and wait', `${A}\n- { run: "true", wait: a }`],
    ['wait and wait-all', `${A}\n- { wait: a, wait-all: true }`],
  ])('16: %s in one step', (_, steps) => {
    expect(errorsOf(steps).length).toBeGreaterThan(0);
  });

  it('11: no job starts when one step is refused', async () => {
    const run = await runWorkflow(jobOf(`- run: touch started\n${A}\n- { cancel: a, if: always() }`));
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/workflow\.yml:\d+:\d+: error: .*if/);
    expect(run.report.jobs).toEqual([]);
    expect(run.report.diagnostics[0]).toMatchObject({ severity: 'error' });
    await expect(runWorkflow(jobOf('- run: test ! -e started'))).resolves.toMatchObject({ exitCode: 0 });
  });
});

describe('across files', () => {
  it('18: a composite action with a background step fails to load and the key is named', async () => {
    const run = await runWorkflow(jobOf('- { id: c, uses: ./composite }'), {
      files: {
        'composite/action.yml': [
          'runs:',
          '  using: composite',
          '  steps:',
          '    - { run: "true", shell: bash, background: true }',
        ].join('\n'),
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.step('c')).toMatchObject({ conclusion: 'failure', reason: 'action-not-loaded' });
    expect(run.log('c')).toContain('background');
  });

  it('20: the keywords work in a called workflow', async () => {
    const run = await runWorkflow(
      ['on: push', 'jobs:', '  call:', '    uses: ./.github/workflows/called.yml'].join('\n'),
      {
        files: {
          '.github/workflows/called.yml': jobOf(`${A}\n- wait: a\n- run: echo waited`).replace(
            'on: push',
            'on: workflow_call',
          ),
        },
      },
    );
    expect(run.exitCode).toBe(0);
    expect(run.report.jobs.find(({ id }) => id === 'call.job')).toMatchObject({ conclusion: 'success' });
  });
});
