import { afterAll, describe, expect, it } from '@jest/globals';
import { fg } from '../support/fake-job.ts';
import { removeJobFolders, runPlan } from './job-harness.ts';

afterAll(removeJobFolders);

describe('job hooks', () => {
  it('run in the workspace with the environment and the file commands of a step', async () => {
    const started = [
      'echo "in $PWD for $GITHUB_REPOSITORY by $RUNNER_NAME, $OWN"',
      'grep -q opened "$GITHUB_EVENT_PATH" && echo event',
      'echo HOOKED=yes >> "$GITHUB_ENV"',
      'echo "$PWD/tools" >> "$GITHUB_PATH"',
      'echo x=y >> "$GITHUB_OUTPUT"',
    ].join('\n');
    const job = await runPlan([fg('a', 'echo "hooked $HOOKED"; tool')], {
      files: { 'started.sh': started, 'tools/tool': '#!/bin/sh\necho the tool' },
      hooks: { started: 'started.sh' },
      message: { env: [{ OWN: 'own' }] },
    });
    const log = job.log('Set up runner');
    expect(log).toContain('A job started hook has been configured by the administrator of this runner.\n');
    expect(log).toContain(`in ${job.workspace} for o/r by tester, own\nevent\n`);
    expect(log).toContain('bash -e {0}');
    expect(job.step('Set up runner').outputs).toEqual({});
    expect(job.log('a')).toContain('hooked yes\nthe tool\n');
  });

  it('are not given pipefail', async () => {
    const job = await runPlan([], { files: { 'h.sh': 'false | true\necho after' }, hooks: { started: 'h.sh' } });
    expect(job.log('Set up runner')).toContain('after\n');
  });

  it('may be JavaScript', async () => {
    const job = await runPlan([], {
      files: { 'h.js': 'console.log(`from ${require("node:path").basename(__filename)}`)' },
      hooks: { completed: 'h.js' },
    });
    expect(job.log('Complete runner')).toContain('from h.js\n');
  });

  it('that fail at the start fail the job; its steps do not run, the other hook does', async () => {
    const job = await runPlan([fg('a', 'true'), fg('b', 'true', { if: 'failure()' })], {
      files: { 'h.sh': 'exit 3', 'completed.sh': 'echo completed' },
      hooks: { started: 'h.sh', completed: 'completed.sh' },
    });
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: null });
    expect(job.steps).toEqual([
      'Set up job: success',
      'Set up runner: failure',
      'a: skipped (condition)',
      'b: success',
      'Complete runner: success',
      'Complete job: success',
    ]);
    expect(job.said('Set up runner')).toEqual(['Process completed with exit code 3.']);
    expect(job.step('Set up runner').exitCode).toBe(3);
  });

  it('that fail at the end fail the job', async () => {
    const job = await runPlan([fg('a', 'true')], { files: { 'h.sh': 'false' }, hooks: { completed: 'h.sh' } });
    expect(job.report.conclusion).toBe('failure');
    expect(job.step('Complete job').conclusion).toBe('success');
  });

  it('at the end run after a failed step too', async () => {
    const job = await runPlan([fg('a', 'false')], { files: { 'h.sh': 'echo ran' }, hooks: { completed: 'h.sh' } });
    expect(job.log('Complete runner')).toContain('ran\n');
  });

  it.each([
    ['missing.sh', "File doesn't exist: '"],
    ['h.rb', 'is not a valid job hook: it has to end in .sh, .ps1 or .js.'],
  ])('that cannot be run fail the job and say why: %s', async (started, why) => {
    const job = await runPlan([], { files: { 'h.rb': '' }, hooks: { started } });
    expect(job.steps[1]).toBe('Set up runner: failure (start-failed)');
    expect(job.said('Set up runner')[0]).toContain(why);
    expect(job.report.conclusion).toBe('failure');
  });

  it('must be named by an absolute path', async () => {
    const job = await runPlan([], { host: { dotenv: new Map([['ACTIONS_RUNNER_HOOK_JOB_STARTED', 'h.sh']]) } });
    expect(job.said('Set up runner')).toEqual(["The path of a job hook must be absolute: 'h.sh'."]);
  });

  it('are taken from the .env; the configuration outranks it', async () => {
    const dotenv = new Map([
      ['ACTIONS_RUNNER_HOOK_JOB_STARTED', '/nowhere/a.sh'],
      ['ACTIONS_RUNNER_HOOK_JOB_COMPLETED', '/nowhere/b.sh'],
    ]);
    const job = await runPlan([], { host: { dotenv }, files: { 'h.sh': '' }, hooks: { completed: 'h.sh' } });
    expect(job.said('Set up runner')).toEqual(["File doesn't exist: '/nowhere/a.sh'."]);
    expect(job.step('Complete runner').conclusion).toBe('success');
  });

  it('that there are none leave no step', async () => {
    const job = await runPlan([]);
    expect(job.steps).toEqual(['Set up job: success', 'Complete job: success']);
  });
});
