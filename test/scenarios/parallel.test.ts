/** Scenarios 98 to 105: the parallel group. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

describe('a parallel group', () => {
  it('98: its children run side by side and the next step runs after all of them', async () => {
    const meet = (me: string, other: string): string => `touch ${me}; until [ -e ${other} ]; do sleep 0.02; done`;
    const run = await runWorkflow(
      jobOf(`
        - parallel:
            - { id: a, timeout-minutes: 0.5, run: "${meet('a', 'b')}" }
            - { id: b, timeout-minutes: 0.5, run: "${meet('b', 'c')}" }
            - { id: c, timeout-minutes: 0.5, run: "${meet('c', 'a')}" }
        - { id: next, run: "true" }
      `),
    );
    expect(run.exitCode).toBe(0);
    for (const id of ['a', 'b', 'c']) expect(run.step('next').startedAt! >= run.step(id).completedAt!).toBe(true);
  });

  it('99: a failing child does not stop its siblings; the group fails when all have ended', async () => {
    const run = await runWorkflow(
      jobOf(`
        - parallel:
            - { id: a, run: "echo a says no; exit 1" }
            - { id: b, run: "sleep 1; echo b is done" }
        - { id: next, run: "true" }
      `),
    );
    expect(run.exitCode).toBe(1);
    expect(run.printed('a')).toEqual(['a says no']);
    expect(run.printed('b')).toEqual(['b is done']);
    expect(run.step('next').conclusion).toBe('skipped');
  });

  it('100: more children than slots queue and all finish', async () => {
    const children = Array.from(
      { length: 12 },
      (_, n) => `    - { id: c${String(n)}, run: "sleep 0.2; echo ${String(n)}" }`,
    );
    const run = await runWorkflow(jobOf(['- parallel:', ...children].join('\n')));
    expect(run.exitCode).toBe(0);
    for (let n = 0; n < 12; n++) expect(run.printed(`c${String(n)}`)).toEqual([String(n)]);
  });

  it('101, 102: a skipped child and one that may fail leave the group green', async () => {
    const run = await runWorkflow(
      jobOf(`
        - parallel:
            - { id: skipped, if: false, run: exit 1 }
            - { id: lenient, continue-on-error: true, run: exit 1 }
            - { id: fine, run: "true" }
      `),
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('skipped').conclusion).toBe('skipped');
    expect(run.step('lenient')).toMatchObject({ outcome: 'failure', conclusion: 'success' });
  });

  it('103: what the children wrote is there after the group', async () => {
    const run = await runWorkflow(
      jobOf(`
        - parallel:
            - { id: a, run: 'echo v=1 >> "$GITHUB_OUTPUT"' }
            - { id: b, run: 'echo FOO=2 >> "$GITHUB_ENV"' }
        - { id: show, run: 'echo "\${{ steps.a.outputs.v }} $FOO"' }
      `),
    );
    expect(run.printed('show')).toEqual(['1 2']);
  });

  it('104: it does not wait for a service outside of it', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: svc, background: true, run: sleep 999 }
        - parallel:
            - run: "true"
            - run: "true"
        - { id: next, run: "true" }
        - cancel: svc
      `),
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('next').completedAt! <= run.step('svc').completedAt!).toBe(true);
  });

  it('105: two groups run one after the other and have names of their own', async () => {
    const run = await runWorkflow(
      jobOf(`
        - parallel:
            - { id: a, run: sleep 0.5 }
        - parallel:
            - { id: b, run: "true" }
      `),
    );
    expect(run.step('b').startedAt! >= run.step('a').completedAt!).toBe(true);
    expect(run.step('a').group).not.toBeNull();
    expect(run.step('b').group).not.toBe(run.step('a').group);
  });
});
