import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { AbortScope } from '../../src/kernel/cancellation.ts';
import { bg, fg } from '../support/fake-job.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { removeJobFolders, runPlan, startPlan, uses } from './job-harness.ts';

afterAll(removeJobFolders);

const HOOKS = { files: { 'h.sh': 'echo hook ran' }, hooks: { completed: 'h.sh' } };
const SLEEP = 'echo sleeping; exec sleep 1000';

describe('a job that is cancelled', () => {
  it('ends its step, runs always() steps and the hook, and is reported with who did it', async () => {
    const job = await startPlan(
      [fg('a', SLEEP), fg('b', 'true'), fg('c', 'echo "status ${{ job.status }}"', { if: 'always()' })],
      HOOKS,
    );
    await job.printed('sleeping\n');
    job.cancel();
    const done = await job.finished;
    const { report, steps } = done;
    expect(report).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-user' });
    expect(steps).toEqual([
      'Set up job: success',
      'a: cancelled (job-cancelled)',
      'b: skipped (condition)',
      'c: success',
      'Complete runner: success',
      'Complete job: success',
    ]);
    expect(done.log('c')).toContain('status cancelled\n');
  });

  it.each([
    ['fail-fast', 'cancelled', 'fail-fast'],
    ['concurrency', 'cancelled', 'concurrency'],
    ['drained', 'failure', 'agent-drained'],
    ['shutdown', 'failure', 'runner-lost'],
  ] as const)('by %s is %s with reason %s', async (cause, conclusion, reason) => {
    const job = await startPlan([fg('a', SLEEP)]);
    await job.printed('sleeping\n');
    job.cancel(cause);
    expect((await job.finished).report).toMatchObject({ conclusion, reason });
  });

  it('before it was set up runs no step', async () => {
    const cancelled = new AbortScope();
    cancelled.cancel('user');
    const job = await runPlan([fg('a', 'true', { if: 'always()' })], { ...HOOKS, host: { cancel: cancelled.signal } });
    expect(job.report).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-user' });
    expect(job.steps).toEqual(['Set up job: cancelled (job-cancelled)', 'Complete job: success']);
  });

  it('is killed when its always() steps take longer than cancelTimeoutSeconds', async () => {
    const clock = new FakeClock();
    const job = await startPlan(
      [
        fg('a', SLEEP),
        fg('b', 'echo cleaning; exec sleep 1000', { if: 'always()' }),
        fg('c', 'true', { if: 'always()' }),
      ],
      { clock, config: { cancelTimeoutSeconds: 60 } },
    );
    await job.printed('sleeping\n');
    job.cancel();
    await job.printed('cleaning\n');
    await clock.advance(59_000);
    expect(clock.pendingTimers).toBeGreaterThan(0);
    await clock.advance(2_000);
    const { report, steps } = await job.finished;
    expect(report).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-user' });
    expect(steps.slice(2)).toEqual([
      'b: cancelled (job-cancelled)',
      'c: skipped (job-cancelled)',
      'Complete job: success',
    ]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a job that is killed', () => {
  it('starts nothing more, and is cleaned up and reported all the same', async () => {
    const job = await startPlan(
      [
        fg('server', 'sleep 1000 >/dev/null 2>&1 & echo started'),
        bg('b', 'trap "" INT TERM; echo deaf; while :; do sleep 0.1; done'),
        uses('p', 'o/post@v1'),
        fg('a', `trap "" INT; ${SLEEP}`),
        fg('c', 'true', { if: 'always()' }),
      ],
      {
        ...HOOKS,
        actions: {
          'o/post@v1/action.yml': '{ name: post, runs: { using: node20, main: main.js, post: main.js } }',
          'o/post@v1/main.js': '',
        },
        job: { outputs: { x: 'y' } },
      },
    );
    await job.printed('deaf\n');
    await job.printed('sleeping\n');
    job.kill();
    const { report, steps } = await job.finished;
    expect(report).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-user', outputs: { x: 'y' } });
    expect(steps.map((step) => step.replace(/^Wait for.*\n?/, ''))).toEqual([
      'Set up job: success',
      'server: success',
      'b: cancelled (job-cancelled)',
      'p: success',
      'a: cancelled (job-cancelled)',
      'c: skipped (job-cancelled)',
      '',
      'Post Run o/post@v1: skipped (job-cancelled)',
      'Complete runner: skipped (job-cancelled)',
      'Complete job: success',
    ]);
  });
});

describe('the time limit of a job', () => {
  it('cancels it, with an error that says so; always() steps run', async () => {
    const clock = new FakeClock();
    const job = await startPlan([bg('a', SLEEP), fg('b', 'echo cleaned up', { if: 'always()' })], {
      clock,
      message: { timeoutMinutes: 0.5 },
    });
    await job.printed('sleeping\n');
    await clock.advance(29_999);
    expect(job.events.some((event) => event.type === 'step' && event.state === 'cancelling')).toBe(false);
    await clock.advance(1);
    const done = await job.finished;
    const { report, steps } = done;
    expect(report).toMatchObject({ conclusion: 'cancelled', reason: 'timed-out' });
    expect(steps).toContain('a: cancelled (job-cancelled)');
    expect(done.said('Complete job')).toEqual([
      'The job running on runner tester has exceeded the maximum execution time of 0.5 minutes.',
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is not kept when the job ends before', async () => {
    const clock = new FakeClock();
    const job = await runPlan([fg('a', 'true')], { clock, message: { timeoutMinutes: 360 } });
    expect(job.report.conclusion).toBe('success');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('what steps leave running', () => {
  it('serves the next steps, and is ended and named when the job is completed', async () => {
    const job = await runPlan([
      fg('server', 'sleep 1000 >/dev/null 2>&1 & echo "pid $!" > pid'),
      fg('client', 'kill -0 "$(cut -d" " -f2 pid)" && echo it lives'),
    ]);
    const [, pid = ''] = (await readFile(join(job.workspace, 'pid'), 'utf8')).trim().split(' ');
    expect(job.log('client')).toContain('it lives\n');
    expect(job.log('Complete job')).toContain(
      `Cleaning up orphan processes\nTerminate orphan process: pid (${pid}) (sleep)\n`,
    );
  });

  it('is ended too when it has a session of its own', async () => {
    const job = await runPlan([fg('daemon', 'setsid --fork sleep 1000 >/dev/null 2>&1')]);
    expect(job.log('Complete job')).toMatch(/Terminate orphan process: pid \(\d+\) \(\w+\)\n$/);
  });
});
