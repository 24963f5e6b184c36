/** Scenarios 84 to 97: the end of a job, job cancellation, time limits. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow, startWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

const BARRIER = 'Wait for all background steps';
const names = (run: { report: { jobs: readonly { steps: readonly { name: string }[] }[] } }): string[] =>
  run.report.jobs[0]!.steps.map(({ name }) => name);

describe('the implicit barrier', () => {
  it('84: it is a visible step that waits', async () => {
    const run = await runWorkflow(jobOf('- { id: a, background: true, run: sleep 1 }'));
    expect(run.exitCode).toBe(0);
    expect(run.step(BARRIER)).toMatchObject({ kind: 'wait-all', phase: 'main', conclusion: 'success', targets: ['a'] });
    expect(run.step(BARRIER).completedAt! >= run.step('a').completedAt!).toBe(true);
  });

  it('85: an endless service is ended by the time limit of the job', async () => {
    const run = await runWorkflow(jobOf('- { id: s, background: true, run: sleep 999 }', 'timeout-minutes: 0.03'));
    expect(run.exitCode).toBe(3);
    expect(run.report.jobs[0]).toMatchObject({ conclusion: 'cancelled', reason: 'timed-out' });
    expect(run.step('s').conclusion).toBe('cancelled');
  });

  it('86: it lists the uncovered steps only', async () => {
    const run = await runWorkflow(
      jobOf('- { id: a, background: true, run: "true" }\n- { id: b, background: true, run: "true" }\n- wait: a'),
    );
    expect(run.step(BARRIER).targets).toEqual(['b']);
  });

  it('87: there is none when every background step is covered, be it by a cancel', async () => {
    const run = await runWorkflow(
      jobOf(
        '- { id: a, background: true, run: "true" }\n- { id: b, background: true, run: sleep 999 }\n- wait: a\n- cancel: b',
      ),
    );
    expect(names(run)).not.toContain(BARRIER);
    expect(run.exitCode).toBe(0);
  });

  it('88: a background step after a wait-all brings it back', async () => {
    const run = await runWorkflow(
      jobOf('- { id: a, background: true, run: "true" }\n- wait-all:\n- { id: b, background: true, run: sleep 0.5 }'),
    );
    expect(run.step(BARRIER).targets).toEqual(['b']);
    expect(run.step(BARRIER).completedAt! >= run.step('b').completedAt!).toBe(true);
  });

  it('89, 90: post steps, then the completed hook, run after every background step', async () => {
    const run = await runWorkflow(
      jobOf('- uses: ./with-post\n- { id: slow, background: true, uses: ./with-post, with: { seconds: 1 } }'),
      {
        files: {
          'with-post/action.yml':
            "{ inputs: { seconds: { default: '0' } }, runs: { using: node20, main: main.js, post: post.js } }",
          'with-post/main.js': 'setTimeout(() => {}, Number(process.env.INPUT_SECONDS) * 1000)',
          'with-post/post.js': '',
          'hook.sh': 'echo the hook ran',
          'runner.config.json': JSON.stringify({ hooks: { jobCompleted: './hook.sh' } }),
        },
        args: ['--config', 'runner.config.json'],
      },
    );
    expect(run.exitCode).toBe(0);
    const posts = run.report.jobs[0]!.steps.filter(({ kind }) => kind === 'post');
    expect(posts).toHaveLength(2);
    for (const post of posts) expect(post.startedAt! >= run.step('slow').completedAt!).toBe(true);
    expect(run.step('Complete runner').startedAt! >= posts[1]!.completedAt!).toBe(true);
    expect(run.log('Complete runner')).toContain('the hook ran');
  });
});

describe('cancelling the run', () => {
  const trapping = (id: string, keys = ''): string => `
        - id: ${id}
          ${keys}
          run: |
            trap 'date +%s%N > ${id}-signalled; exit 1' INT
            echo ${id} $((40+2))
            touch ${id}-ready
            while :; do sleep 0.02 || true; done`;

  it('91: all that runs is signalled at the same time; waits and always() post steps still run', async () => {
    const started = await startWorkflow(
      jobOf(`
        - uses: ./with-post
        ${trapping('a', 'background: true').trim()}
        ${trapping('b', 'background: true').trim()}
        ${trapping('fg').trim()}
        - { id: w, wait: [a, b] }
        - { id: default, run: "true" }
        - { id: always, if: always(), run: echo always ran }
      `),
      {
        files: {
          'with-post/action.yml': 'runs: { using: node20, main: main.js, post: post.js }',
          'with-post/main.js': '',
          'with-post/post.js': '',
        },
      },
    );
    for (const id of ['a', 'b', 'fg']) await started.printed(`${id} 42`);
    started.process.kill('SIGINT');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.report.conclusion).toBe('cancelled');
    const times = await Promise.all(
      ['a', 'b', 'fg'].map(async (id) => Number(await readFile(join(run.directory, `${id}-signalled`), 'utf8')) / 1e6),
    );
    // Bash answers the signal when its current 20 ms sleep has ended: not after a rung of the one before.
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(7_500);
    for (const id of ['a', 'b', 'fg']) expect(run.step(id).conclusion).toBe('cancelled');
    expect(run.step('w').completedAt).not.toBeNull();
    expect(run.step('w').conclusion).not.toBe('skipped');
    expect(run.step('default').conclusion).toBe('skipped');
    expect(run.printed('always')).toEqual(['always ran']);
    expect(run.step('Post Run ./with-post').conclusion).toBe('success');
  });

  it('92: a run that sits in a wait ends when the targets have ended', async () => {
    const started = await startWorkflow(
      jobOf('- { id: a, background: true, run: "echo a $((40+2)); sleep 999" }\n- { id: w, wait: a }'),
    );
    await started.printed('a 42');
    started.process.kill('SIGINT');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.step('a').conclusion).toBe('cancelled');
    expect(run.step('w').completedAt! >= run.step('a').completedAt!).toBe(true);
  });

  it('93, 94: always() neither keeps a background step running nor starts one', async () => {
    const started = await startWorkflow(
      jobOf(`
        - { id: a, background: true, if: always(), run: "echo a $((40+2)); sleep 999" }
        - { id: fg, run: sleep 999 }
        - { id: late, background: true, if: always(), run: touch late-ran }
        - { id: check, if: always(), run: "test ! -e late-ran && echo not there" }
      `),
    );
    await started.printed('a 42');
    started.process.kill('SIGINT');
    const run = await started.finished;
    expect(run.step('a').conclusion).toBe('cancelled');
    expect(run.step('late')).toMatchObject({ conclusion: 'cancelled', startedAt: null });
    expect(run.printed('check')).toEqual(['not there']);
  });

  it('95: queued background steps do not start', async () => {
    const started = await startWorkflow(
      jobOf(`
        - { id: a, background: true, run: "echo a $((40+2)); sleep 999" }
        - { id: b, background: true, run: touch b-ran }
        - { id: fg, run: "echo fg $((40+2)); sleep 999" }
      `),
      { args: ['--max-background', '1'] },
    );
    await started.printed('fg 42');
    started.process.kill('SIGINT');
    const run = await started.finished;
    expect(run.step('b')).toMatchObject({ conclusion: 'cancelled', startedAt: null });
  });

  it('96: SIGTERM counts as one Ctrl-C', async () => {
    const started = await startWorkflow(
      jobOf(
        '- { id: a, background: true, run: "echo a $((40+2)); sleep 999" }\n- wait-all:\n- { id: always, if: always(), run: echo ran }',
      ),
    );
    await started.printed('a 42');
    started.process.kill('SIGTERM');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.printed('always')).toEqual(['ran']);
  });

  it('a second Ctrl-C ends the steps at once and starts no other', async () => {
    const started = await startWorkflow(
      jobOf(`
        - { id: s, run: "trap 'echo asked $((1)) time' INT; trap '' TERM; echo s $((1)); while :; do sleep 0.05 || true; done" }
        - { id: always, if: always(), run: touch always-ran }
      `),
    );
    await started.printed('s 1');
    started.process.kill('SIGINT');
    await started.printed('asked 1 time');
    started.process.kill('SIGINT');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.step('s')).toMatchObject({ conclusion: 'cancelled', signal: 'SIGKILL' });
    expect(run.step('always').startedAt).toBeNull();
    expect(run.report.conclusion).toBe('cancelled');
  });

  it('a third Ctrl-C exits and leaves no process', async () => {
    const started = await startWorkflow(
      jobOf(`
        - { id: s, run: "trap 'echo asked $((1)) time' INT; trap '' TERM; echo s $((1)); while :; do sleep 0.05 || true; done" }
      `),
      { keepsTemporaryFiles: true },
    );
    await started.printed('s 1');
    // Signals that come at once are one signal, so each waits for the answer to the one before.
    started.process.kill('SIGINT');
    await started.printed('asked 1 time');
    started.process.kill('SIGINT');
    started.process.kill('SIGINT');
    started.process.kill('SIGTERM');
    expect((await started.finished).exitCode).toBe(3);
  });
});
