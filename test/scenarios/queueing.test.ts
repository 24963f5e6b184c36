/** Scenarios 24 to 34: side by side, behind slots, and what is taken when. */
import { afterAll, describe, expect, it } from '@jest/globals';
import type { StepReport } from '../../src/protocol/report.ts';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

/** The largest number of these steps that ran at one moment. */
function mostAtOnce(steps: readonly StepReport[]): number {
  return Math.max(
    ...steps.map(
      ({ startedAt }) =>
        steps.filter((other) => other.startedAt! <= startedAt! && other.completedAt! > startedAt!).length,
    ),
  );
}

describe('side by side', () => {
  it('24: a foreground step runs and ends while a background step runs', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: "until [ -e fg-done ]; do sleep 0.02; done; sleep 0.5" }
        - { id: fg, run: touch fg-done }
        - wait: a
      `),
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('fg').completedAt! <= run.step('a').completedAt!).toBe(true);
  });

  it('25: never more than ten at once; the eleventh and twelfth start when a slot frees', async () => {
    const steps = Array.from({ length: 12 }, (_, n) => `- { id: s${String(n)}, background: true, run: sleep 1 }`);
    const run = await runWorkflow(jobOf([...steps, '- wait-all:'].join('\n')));
    const reports = steps.map((_, n) => run.step(`s${String(n)}`));
    expect(run.exitCode).toBe(0);
    expect(mostAtOnce(reports)).toBeLessThanOrEqual(10);
    const firstEnd = reports.map(({ completedAt }) => completedAt!).sort()[0]!;
    for (const late of reports.slice(10)) {
      expect(late.startedAt! >= firstEnd).toBe(true);
      expect(late.queuedAt! < late.startedAt!).toBe(true);
    }
  });

  it('26: with one slot background steps run one after the other in declared order', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: echo a >> order }
        - { id: b, background: true, run: echo b >> order }
        - { id: c, background: true, run: echo c >> order }
        - wait-all:
        - { id: show, run: cat order }
      `),
      { args: ['--max-background', '1'] },
    );
    expect(run.printed('show')).toEqual(['a', 'b', 'c']);
    expect(mostAtOnce(['a', 'b', 'c'].map((id) => run.step(id)))).toBe(1);
  });

  it('27: a step behind endless services starts when one of them is cancelled', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: s1, background: true, run: sleep 999 }
        - { id: s2, background: true, run: sleep 999 }
        - { id: x, background: true, run: echo ran }
        - { id: fg, run: "true" }
        - cancel: s1
        - wait: x
        - cancel: s2
      `),
      { args: ['--max-background', '2'] },
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('x').startedAt! >= run.step('fg').completedAt!).toBe(true);
    expect(run.printed('x')).toEqual(['ran']);
  });

  it('28: time in the queue does not count towards timeout-minutes', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: blocker, background: true, run: sleep 2 }
        - { id: x, background: true, timeout-minutes: 0.025, run: sleep 0.1 }
        - wait-all:
      `),
      { args: ['--max-background', '1'] },
    );
    expect(run.step('x')).toMatchObject({ conclusion: 'success' });
  });

  it('29: a background step has started without any barrier', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: "touch F; until [ -e seen ]; do sleep 0.02; done" }
        - { id: fg, timeout-minutes: 0.5, run: "until [ -e F ]; do sleep 0.02; done; touch seen" }
      `),
    );
    expect(run.exitCode).toBe(0);
  });

  it('30: a skipped background step takes no slot, is known as skipped, and its wait succeeds', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: x, background: true, if: false, run: "true" }
        - { id: w, wait: x }
        - { id: show, run: 'echo "[\${{ steps.x.outcome }}/\${{ steps.x.conclusion }}]"' }
      `),
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('x')).toMatchObject({ conclusion: 'skipped', startedAt: null });
    expect(run.step('w')).toMatchObject({ conclusion: 'success' });
    expect(run.printed('show')).toEqual(['[skipped/skipped]']);
  });

  it('31: a failure nobody waited for yet is not visible to failure()', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: "touch failed; exit 1" }
        - { run: "until [ -e failed ]; do sleep 0.02; done; sleep 0.2" }
        - { id: b, background: true, if: failure(), run: "true" }
        - { id: c, if: success(), run: "true" }
      `),
    );
    expect(run.step('b')).toMatchObject({ conclusion: 'skipped' });
    expect(run.step('c')).toMatchObject({ conclusion: 'success' });
    expect(run.exitCode).toBe(1);
  });
});

describe('what a queued step sees', () => {
  const queued = (consumer: string, producer: string): string =>
    jobOf(`
      - { id: blocker, background: true, run: "until [ -e go ]; do sleep 0.02; done" }
      - id: consumer
        background: true
        run: ${consumer}
      - id: p
        run: |
          ${producer}
      - run: touch go
      - wait-all:
    `);
  const one = { args: ['--max-background', '1'] };

  it('32: outputs in its script are read when it starts', async () => {
    const run = await runWorkflow(queued('echo "[${{ steps.p.outputs.v }}]"', 'echo v=1 >> "$GITHUB_OUTPUT"'), one);
    expect(run.printed('consumer')).toEqual(['[1]']);
  });

  it('33: its environment was taken when it was reached', async () => {
    const run = await runWorkflow(queued('echo "[$V]"', 'echo V=1 >> "$GITHUB_ENV"'), one);
    expect(run.printed('consumer')).toEqual(['[]']);
  });

  it('34: its PATH was taken when it was reached', async () => {
    const run = await runWorkflow(queued('echo "[$PATH]"', 'echo "$PWD/added" >> "$GITHUB_PATH"'), one);
    expect(run.printed('consumer')[0]).not.toContain('/added');
  });
});
