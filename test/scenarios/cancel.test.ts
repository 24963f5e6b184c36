/** Scenarios 66 to 83: the cancel step, on real processes. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { StepReport } from '../../src/protocol/report.ts';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

/** Shorter rungs than the default, to keep the suite short; the order of the rungs is what is tested. */
const GRACE = 'stop-grace: { interrupt-seconds: 1, terminate-seconds: 0.5 }';
/**
 * Says that it is ready from the background. A bash that gets SIGINT while it waits for a foreground child that then
 * ends normally takes the signal for handled, so a `touch ready` of its own would race with the cancel.
 */
const READY_SOON = '{ sleep 0.3; touch ready; } &';
const UNTIL_READY = '- { run: "until [ -e ready ]; do sleep 0.02; done" }';

function milliseconds({ startedAt, completedAt }: StepReport): number {
  return Date.parse(completedAt!) - Date.parse(startedAt!);
}

/** A background step s that is running, cancelled, and a step after it. */
function cancelled(script: string, keys = ''): string {
  return jobOf(
    [
      '- id: s',
      '  background: true',
      ...(keys ? [`  ${keys}`] : []),
      '  run: |',
      ...script.split('\n').map((line) => `    ${line}`),
      UNTIL_READY,
      '- { id: c, cancel: s }',
      '- { id: after, run: "true" }',
    ].join('\n'),
  );
}

describe('a running step', () => {
  it.each([
    ['66: one that became its child by exec', 'touch ready; exec sleep 999'],
    ['67: a child of bash', `${READY_SOON} sleep 999`],
    ['67: children in the background of bash', `sleep 999 & sleep 998 & ${READY_SOON} wait`],
  ])('%s ends before the first rung is over, and the job is green', async (_, script) => {
    const run = await runWorkflow(cancelled(script));
    expect(run.exitCode).toBe(0);
    expect(run.step('s')).toMatchObject({
      outcome: 'cancelled',
      conclusion: 'cancelled',
      reason: 'cancelled-by-step',
      annotations: [],
    });
    expect(run.step('c').conclusion).toBe('success');
    expect(run.step('after').conclusion).toBe('success');
    // The default ladder would take 7.5 s to its second rung.
    expect(milliseconds(run.step('c'))).toBeLessThan(5_000);
  });

  it('68: one that ignores SIGINT gets to finish its answer to SIGTERM', async () => {
    const run = await runWorkflow(
      cancelled(
        `trap '' INT\ntrap 'sleep 0.2; touch marker; exit 0' TERM\ntouch ready\nwhile :; do sleep 0.05 || true; done`,
        GRACE,
      ),
    );
    await expect(access(join(run.directory, 'marker'))).resolves.toBeUndefined();
    expect(run.step('s').conclusion).toBe('cancelled');
    expect(run.exitCode).toBe(0);
  });

  it('69: one that ignores SIGINT and SIGTERM is killed after both rungs', async () => {
    const run = await runWorkflow(
      cancelled(`trap '' INT TERM\ntouch ready\nwhile :; do sleep 0.05 || true; done`, GRACE),
    );
    expect(run.step('s')).toMatchObject({ conclusion: 'cancelled', signal: 'SIGKILL' });
    expect(milliseconds(run.step('c'))).toBeGreaterThanOrEqual(1_400);
    expect(run.exitCode).toBe(0);
  });

  it('70: one that exits 0 on SIGINT is cancelled all the same', async () => {
    const run = await runWorkflow(cancelled(`trap 'exit 0' INT\ntouch ready\nwhile :; do sleep 0.05 || true; done`));
    expect(run.step('s')).toMatchObject({ conclusion: 'cancelled', exitCode: 0 });
  });

  it('71: a daemon in a session of its own that holds stdout is found and ended', async () => {
    const run = await runWorkflow(
      cancelled(
        `setsid bash -c 'trap "" INT TERM HUP; touch ready; while :; do sleep 0.05 || true; done' &\nsleep 999`,
      ),
    );
    expect(run.step('s').conclusion).toBe('cancelled');
    expect(run.exitCode).toBe(0);
    expect(milliseconds(run.step('c'))).toBeLessThan(5_000);
  });

  it('79: a composite action is cancelled through to its inner process', async () => {
    const run = await runWorkflow(
      jobOf(`- { id: s, background: true, uses: ./long }\n${UNTIL_READY}\n- { id: c, cancel: s }`),
      {
        files: {
          'long/action.yml': `
runs:
  using: composite
  steps:
    - { shell: bash, run: "${READY_SOON} sleep 999" }
    - { shell: bash, run: "touch second" }
`,
        },
      },
    );
    expect(run.step('s').conclusion).toBe('cancelled');
    expect(run.exitCode).toBe(0);
    expect(milliseconds(run.step('c'))).toBeLessThan(5_000);
    await expect(access(join(run.directory, 'second'))).rejects.toThrow();
  });

  it('82, 83: whole lines it had written count, a half-written one does not fail it', async () => {
    const run = await runWorkflow(
      jobOf(`
        - id: s
          background: true
          run: |
            echo v=1 >> "$GITHUB_OUTPUT"
            printf 'half<<EOF\\nnever ended' >> "$GITHUB_OUTPUT"
            touch ready
            sleep 999
        ${UNTIL_READY}
        - cancel: s
        - { id: show, run: 'echo "[\${{ steps.s.outputs.v }}]"' }
      `),
    );
    expect(run.step('s').conclusion).toBe('cancelled');
    expect(run.printed('show')).toEqual(['[1]']);
    expect(run.exitCode).toBe(0);
  });
});

describe('a step that is not running', () => {
  it('72: one that succeeded stays a success', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: s, background: true, run: 'echo v=1 >> "$GITHUB_OUTPUT"; touch ready' }
        - { run: "until [ -e ready ]; do sleep 0.02; done; sleep 0.3" }
        - { id: c, cancel: s }
        - { id: show, run: 'echo "[\${{ steps.s.outputs.v }}]"' }
      `),
    );
    expect(run.step('s').conclusion).toBe('success');
    expect(run.step('c').conclusion).toBe('success');
    expect(run.printed('show')).toEqual(['[1]']);
  });

  it('73: one that failed lets the cancel succeed and the job fail at its end', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: s, background: true, run: "touch ready; exit 1" }
        - { run: "until [ -e ready ]; do sleep 0.02; done; sleep 0.3" }
        - { id: c, cancel: s }
        - { id: after, run: "true" }
      `),
    );
    expect(run.step('c').conclusion).toBe('success');
    expect(run.step('after').conclusion).toBe('success');
    expect(run.exitCode).toBe(1);
  });

  it('74: a queued one never starts and is reported as cancelled', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: sleep 999 }
        - { id: b, background: true, run: touch b-ran }
        - { id: c, cancel: b }
        - cancel: a
        - { id: check, run: "test ! -e b-ran" }
      `),
      { args: ['--max-background', '1'] },
    );
    expect(run.step('b')).toMatchObject({ conclusion: 'cancelled', startedAt: null });
    expect(run.step('c').conclusion).toBe('success');
    expect(run.step('check').conclusion).toBe('success');
    expect(run.exitCode).toBe(0);
  });

  it('75: cancel runs after a foreground failure, so the job does not hang', async () => {
    const run = await runWorkflow(
      jobOf('- { id: s, background: true, run: sleep 999 }\n- run: exit 1\n- { id: c, cancel: s }'),
    );
    expect(run.step('c').conclusion).toBe('success');
    expect(run.step('s').conclusion).toBe('cancelled');
    expect(run.exitCode).toBe(1);
  });

  it('76: a skipped one', async () => {
    const run = await runWorkflow(
      jobOf('- { id: s, if: false, background: true, run: "true" }\n- { id: c, cancel: s }'),
    );
    expect(run.step('c').conclusion).toBe('success');
    expect(run.exitCode).toBe(0);
  });

  it('77: one that was cancelled already', async () => {
    const run = await runWorkflow(
      jobOf('- { id: s, background: true, run: sleep 999 }\n- { id: c1, cancel: s }\n- { id: c2, cancel: s }'),
    );
    expect(run.step('c2').conclusion).toBe('success');
    expect(run.exitCode).toBe(0);
  });

  it('78: a wait after the cancel of a stubborn step returns at once and the job is green', async () => {
    const run = await runWorkflow(
      jobOf(`
        - id: s
          background: true
          ${GRACE}
          run: "trap '' INT TERM; touch ready; while :; do sleep 0.05 || true; done"
        ${UNTIL_READY}
        - cancel: s
        - { id: w, wait: s }
        - { id: after, run: "true" }
      `),
    );
    expect(run.step('s').conclusion).toBe('cancelled');
    expect(milliseconds(run.step('w'))).toBeLessThan(1_000);
    expect(run.step('after').conclusion).toBe('success');
    expect(run.exitCode).toBe(0);
  });
});
