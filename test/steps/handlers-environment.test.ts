import { afterEach, describe, expect, it } from '@jest/globals';
import { GITHUB, openJob, runPlan, type JobOptions, type TestJob } from './handlers-harness.ts';

const jobs: TestJob[] = [];
afterEach(async () => {
  for (const job of jobs.splice(0)) await job.dispose();
});

/** The environment that a script finds. */
async function environment(
  options: JobOptions & { stepEnv?: Record<string, string> } = {},
): Promise<Map<string, string>> {
  const job = await openJob(options);
  jobs.push(job);
  const step = await job.run(runPlan('env -0 | tr "\\n\\0" " \\n"', { id: 'show', env: options.stepEnv ?? {} }));
  return new Map(step.printed.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

describe('the environment of a step', () => {
  it('has the runner’s own, what GitHub documents, and the files of this step', async () => {
    const env = await environment({ env: { FROM_RUNNER: 'yes' } });
    expect(env.get('FROM_RUNNER')).toBe('yes');
    expect(env.get('CI')).toBe('true');
    expect(env.get('GITHUB_ACTIONS')).toBe('true');
    expect(env.get('GITHUB_ACTION')).toBe('show');
    expect(env.get('GITHUB_REPOSITORY')).toBe(GITHUB.repository);
    expect(env.get('GITHUB_SHA')).toBe(GITHUB.sha);
    expect(env.get('GITHUB_WORKSPACE')).toBe(jobs[0]!.workspace);
    expect(env.get('RUNNER_TEMP')).toBe(jobs[0]!.tempDirectory);
    expect(env.get('RUNNER_OS')).toBe('Linux');
    expect(env.get('RUNNER_TRACKING_ID')).toMatch(/^paceline_[-0-9a-f]{36}\.1$/);
    for (const name of ['ENV', 'OUTPUT', 'PATH', 'STATE', 'STEP_SUMMARY', 'EVENT_PATH'])
      expect(env.get(`GITHUB_${name}`)).toMatch(/^\/.+1/);
  });

  it('has neither the token nor the event', async () => {
    const env = await environment();
    expect(env.has('GITHUB_TOKEN')).toBe(false);
    expect(env.has('GITHUB_EVENT')).toBe(false);
    expect([...env.values()].join()).not.toContain('in the event');
  });

  it('what GitHub sets cannot be overwritten, except CI', async () => {
    const stepEnv = { GITHUB_SHA: 'x', GITHUB_ACTIONS: 'x', RUNNER_OS: 'x', CI: 'false' };
    const env = await environment({ stepEnv });
    expect(env.get('GITHUB_SHA')).toBe(GITHUB.sha);
    expect(env.get('GITHUB_ACTIONS')).toBe('true');
    expect(env.get('RUNNER_OS')).toBe('Linux');
    expect(env.get('CI')).toBe('false');
    expect((await environment({ env: { CI: 'woodpecker' } })).get('CI')).toBe('woodpecker');
  });

  it('the step’s own env is over the job’s, which is over the runner’s', async () => {
    const job = await openJob({ env: { A: 'runner', B: 'runner', C: 'runner' } });
    jobs.push(job);
    await job.run(runPlan('echo B=job >> "$GITHUB_ENV"; echo C=job >> "$GITHUB_ENV"'));
    expect((await job.run(runPlan('echo "$A $B $C"', { env: { C: 'step' } }))).printed).toEqual(['runner job step']);
  });

  it('a step that overwrites the tracking variable gets rid of it, and gets no other step’s', async () => {
    expect((await environment({ stepEnv: { RUNNER_TRACKING_ID: 'somebody else' } })).get('RUNNER_TRACKING_ID')).toBe(
      '',
    );
  });

  it('proxies of the runner are there in both spellings', async () => {
    const env = await environment({ env: { HTTPS_PROXY: 'http://upper:1', no_proxy: 'lower', NO_PROXY: 'upper' } });
    expect(env.get('https_proxy')).toBe('http://upper:1');
    expect(env.get('NO_PROXY')).toBe('lower');
    expect(env.has('http_proxy')).toBe(false);
  });

  it('a PATH of the step’s own stands behind what was added', async () => {
    const job = await openJob();
    jobs.push(job);
    await job.run(runPlan('echo /added >> "$GITHUB_PATH"'));
    const step = await job.run(runPlan('echo "$PATH"', { env: { PATH: '/usr/bin:/bin' } }));
    expect(step.printed).toEqual(['/added:/usr/bin:/bin']);
    const again = await job.run(runPlan('echo "$PATH"', { env: { PATH: '/added:/usr/bin:/bin' } }));
    expect(again.printed).toEqual(['/added:/usr/bin:/bin']);
  });
});
