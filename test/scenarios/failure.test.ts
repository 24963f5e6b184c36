/** Scenarios 52 to 65: how failures of background steps reach the job. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

const FAILS_AT_ONCE = '- { id: a, background: true, run: "touch a-failed; exit 7" }';
const UNTIL_FAILED = '- { run: "until [ -e a-failed ]; do sleep 0.02; done; sleep 0.3" }';

describe('a failure counts at the barrier', () => {
  it('52: steps before the wait run, the wait fails, later steps are skipped', async () => {
    const run = await runWorkflow(
      jobOf(`
        ${FAILS_AT_ONCE}
        ${UNTIL_FAILED}
        - { id: before, run: "true" }
        - { id: w, wait: a }
        - { id: after, run: "true" }
      `),
    );
    expect(run.exitCode).toBe(1);
    expect(run.step('a')).toMatchObject({ outcome: 'failure', exitCode: 7 });
    expect(run.step('before').conclusion).toBe('success');
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.step('after').conclusion).toBe('skipped');
    expect(run.step('w').annotations[0]).toMatchObject({ level: 'error' });
    expect(run.step('w').annotations[0]!.message).toMatch(/exit 7|touch a-failed|\ba\b/);
  });

  it('53: continue-on-error on the background step keeps everything green', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, continue-on-error: true, run: exit 1 }
        - { id: w, wait: a }
        - { id: show, run: 'echo "\${{ steps.a.outcome }}/\${{ steps.a.conclusion }}"' }
      `),
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('a')).toMatchObject({ outcome: 'failure', conclusion: 'success', reason: 'failure-ignored' });
    expect(run.step('w').conclusion).toBe('success');
    expect(run.printed('show')).toEqual(['failure/success']);
  });

  it.each(['wait: a', 'wait-all: true'])('54: continue-on-error on the barrier (%s) is honoured', async (barrier) => {
    const run = await runWorkflow(
      jobOf(`
        ${FAILS_AT_ONCE}
        - { id: w, ${barrier}, continue-on-error: true }
        - { id: after, run: "true" }
      `),
    );
    expect(run.exitCode).toBe(0);
    expect(run.step('w')).toMatchObject({ outcome: 'failure', conclusion: 'success' });
    expect(run.step('after').conclusion).toBe('success');
  });

  it('55: a failure() step after the barrier runs', async () => {
    const run = await runWorkflow(jobOf(`${FAILS_AT_ONCE}\n- wait-all:\n- { id: f, if: failure(), run: echo ran }`));
    expect(run.printed('f')).toEqual(['ran']);
    expect(run.exitCode).toBe(1);
  });

  it.each([
    [
      '56: a working directory that does not exist',
      '{ id: a, background: true, working-directory: nowhere, run: "true" }',
    ],
    [
      '57: an environment that cannot be evaluated',
      '{ id: a, background: true, env: { X: "${{ fromJSON(env.NONE) }}" }, run: "true" }',
    ],
  ])('%s fails the step at once and the job at the barrier', async (_, step) => {
    const run = await runWorkflow(
      jobOf(`
        - ${step}
        - { id: fg, run: "sleep 0.2" }
        - { id: w, wait: a }
      `),
    );
    expect(run.step('a').conclusion).toBe('failure');
    expect(run.step('a').annotations.length).toBeGreaterThan(0);
    expect(run.step('fg').conclusion).toBe('success');
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.exitCode).toBe(1);
  });

  it('58: a wait for two waits for both, fails, and lists both results', async () => {
    const run = await runWorkflow(
      jobOf(`
        ${FAILS_AT_ONCE}
        - { id: b, background: true, run: "sleep 1.5" }
        - { id: w, wait: [a, b] }
      `),
    );
    expect(run.step('b').conclusion).toBe('success');
    expect(run.step('w').completedAt! >= run.step('b').completedAt!).toBe(true);
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.log('w')).toMatch(/fail/i);
    expect(run.log('w')).toMatch(/succe/i);
  });

  it('59: the wait runs after a foreground failure as well', async () => {
    const run = await runWorkflow(jobOf(`${FAILS_AT_ONCE}\n- run: exit 1\n- { id: w, wait: a }`));
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.exitCode).toBe(1);
  });

  it('60: an uncovered failure fails the implicit barrier and the post steps see it', async () => {
    const run = await runWorkflow(jobOf(`- uses: ./with-post\n${FAILS_AT_ONCE}`), {
      files: {
        'with-post/action.yml': "runs: { using: node20, main: main.js, post: post.js, post-if: 'success()' }",
        'with-post/main.js': '',
        'with-post/post.js': '',
      },
    });
    expect(run.step('Wait for all background steps')).toMatchObject({ kind: 'wait-all', conclusion: 'failure' });
    expect(run.step('Post Run ./with-post').conclusion).toBe('skipped');
    expect(run.exitCode).toBe(1);
  });

  it('61: a barrier after the wait that failed has nothing left to fail for', async () => {
    const run = await runWorkflow(jobOf(`${FAILS_AT_ONCE}\n- { id: w, wait: a }\n- { id: all, wait-all: true }`));
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.step('all').conclusion).toBe('success');
    expect(run.exitCode).toBe(1);
  });

  it('62: waiting twice for a failed step fails twice', async () => {
    const run = await runWorkflow(jobOf(`${FAILS_AT_ONCE}\n- { id: w1, wait: a }\n- { id: w2, wait: a }`));
    expect(run.step('w1').conclusion).toBe('failure');
    expect(run.step('w2').conclusion).toBe('failure');
  });

  it('63: a failure outranks a cancelled sibling', async () => {
    const run = await runWorkflow(
      jobOf(`
        ${FAILS_AT_ONCE}
        - { id: b, background: true, run: sleep 999 }
        - cancel: b
        - { id: w, wait: [a, b] }
        - { id: after, run: "true" }
      `),
    );
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.step('after').conclusion).toBe('skipped');
    expect(run.exitCode).toBe(1);
  });

  it('64: a background step that exceeds its time fails with an annotation, and its wait fails', async () => {
    const run = await runWorkflow(
      jobOf('- { id: a, background: true, timeout-minutes: 0.01, run: sleep 999 }\n- { id: w, wait: a }'),
    );
    expect(run.step('a')).toMatchObject({ outcome: 'failure', reason: 'timed-out' });
    expect(run.step('a').annotations[0]!.message).toMatch(/timed out/);
    expect(run.step('w').conclusion).toBe('failure');
    expect(run.exitCode).toBe(1);
  });
});
