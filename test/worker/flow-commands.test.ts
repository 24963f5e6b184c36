/** What steps say to the flow of their run, by files and by exit codes, on real processes. */
import { afterAll, describe, expect, it } from '@jest/globals';
import type { FlowRequest, FlowWish, JobFlowPlan } from '../../src/protocol/flow-plan.ts';
import type { StepPlan } from '../../src/protocol/plan.ts';
import { fg, bg } from '../support/fake-job.ts';
import { type FinishedJob, type JobOptions, removeJobFolders, runPlan } from './job-harness.ts';

afterAll(removeJobFolders);

const requestsOf = ({ events }: FinishedJob): FlowRequest[] =>
  events.flatMap((event) => (event.type === 'flow-request' ? [event.request] : []));
const wishOf = ({ events }: FinishedJob): FlowWish | null =>
  events.flatMap((event) => (event.type === 'job-completed' ? [event.wish ?? null] : []))[0] ?? null;
const run = (script: string, options: JobOptions = {}): Promise<FinishedJob> => runPlan([fg('a', script)], options);

const backoff = { minMs: 1, maxMs: 1, factor: 1, jitter: 0 };
const retrying = (exitCodes: readonly number[] | null): JobOptions => ({
  job: { flow: { retry: { maxAttempts: 3, backoff, exitCodes } } as Partial<JobFlowPlan> as JobFlowPlan },
});

describe('requests to the flow', () => {
  it('signals: a name, data, a job that they are for', async () => {
    const job = await run(
      'printf "%s\\n" approved "tested=all 9" "go@deploy={}" "text<<END" one two END >> "$PACELINE_SIGNAL"',
    );
    expect(requestsOf(job)).toEqual(
      [
        ['approved', null, null],
        ['tested', null, 'all 9'],
        ['go', 'deploy', '{}'],
        ['text', null, 'one\ntwo'],
      ].map(([name, to, data]) => ({ kind: 'signal', name, job: to, data, persistent: true })),
    );
  });

  it('instances, completions, cancellations and early completions', async () => {
    const job = await run(`
      printf '%s\\n' 'test' 'test={"os":"linux"}' 'other={}' >> "$PACELINE_INSTANCES"
      echo slow >> "$PACELINE_COMPLETE"
      printf '%s\\n' long region:evidence >> "$PACELINE_CANCEL"
      echo version=1 >> "$PACELINE_EMIT"`);
    expect(requestsOf(job)).toEqual([
      { kind: 'emit', outputs: { version: '1' } },
      { kind: 'add-instances', job: 'test', items: [{}, { os: 'linux' }] },
      { kind: 'add-instances', job: 'other', items: [{}] },
      { kind: 'complete', job: 'slow' },
      { kind: 'cancel', target: 'long' },
      { kind: 'cancel', target: 'region:evidence' },
    ]);
  });

  it('an early completion needs no outputs', async () => {
    expect(requestsOf(await run('echo >> "$PACELINE_EMIT"'))).toEqual([{ kind: 'emit', outputs: {} }]);
  });

  it('are made when the step has ended, also a failed one and one in the background that nobody waited for yet', async () => {
    const steps: StepPlan[] = [bg('b', 'echo b >> "$PACELINE_SIGNAL"'), fg('f', 'echo f >> "$PACELINE_SIGNAL"; false')];
    const names = requestsOf(await runPlan(steps)).map((request) => request.kind === 'signal' && request.name);
    expect(names.sort()).toEqual(['b', 'f']);
  });

  it('have ids that count up', async () => {
    const { events } = await run('printf "%s\\n" x y >> "$PACELINE_SIGNAL"');
    expect(events.flatMap((event) => (event.type === 'flow-request' ? [event.id] : []))).toEqual([1, 2]);
  });

  it.each([
    ['PACELINE_SIGNAL', '@deploy', "'@deploy' is no signal; expected NAME, NAME=DATA or NAME@JOB=DATA."],
    ['PACELINE_INSTANCES', 'test=[1]', "What is given to 'test' is no JSON object."],
    ['PACELINE_GOTO', 'reason=x', 'It has no line with the id of a job.'],
    ['PACELINE_RETRY_AFTER', 'soon', "'soon' is no time; expected a number of seconds, or such as 500ms, 30s, 2m."],
    ['PACELINE_RETRY_AFTER', '9999999999h', "'9999999999h' is too long: the limit is 527040m."],
  ])('%s with %s fails the step and says why', async (variable, line, message) => {
    const job = await run(`echo '${line}' >> "$${variable}"`);
    expect(job.report.conclusion).toBe('failure');
    expect(job.said('a')).toEqual([`Unable to process the file of ${variable} successfully.`, message]);
  });

  it('that hold a secret are left out with a warning', async () => {
    const job = await run('echo "key=hunter22" >> "$PACELINE_SIGNAL"; echo fine >> "$PACELINE_SIGNAL"', {
      contexts: { secrets: { S: 'hunter22' } },
    });
    expect(requestsOf(job)).toMatchObject([{ name: 'fine' }]);
    expect(job.said('a')).toEqual(['A signal is left out, because it may hold a secret.']);
    expect(JSON.stringify(job.events)).not.toContain('hunter22');
  });

  it('are bounded', async () => {
    const job = await run('head -c 70000 /dev/zero | tr "\\0" x >> "$PACELINE_SIGNAL"');
    expect(job.said('a').at(-1)).toBe('It has 70000 characters, and at most 65536 are taken.');
    expect(requestsOf(job)).toEqual([]);
  });
});

describe('a jump', () => {
  it('is wished for when the job has succeeded; the last one counts', async () => {
    const job = await runPlan([
      fg('a', 'echo build >> "$PACELINE_GOTO"'),
      fg('b', 'printf "%s\\n" implement "reason=tests fail" >> "$PACELINE_GOTO"'),
    ]);
    expect(wishOf(job)).toEqual({ goto: { target: 'implement', with: { reason: 'tests fail' } }, retry: null });
  });

  it('is not wished for by a job that failed', async () => {
    expect(wishOf(await run('echo build >> "$PACELINE_GOTO"; false'))).toBeNull();
  });

  it('of a composite action is that of its job', async () => {
    const inner = 'runs:\n  using: composite\n  steps:\n    - run: echo build >> "$PACELINE_GOTO"\n      shell: bash\n';
    const step = { ...fg('c'), kind: 'uses' as const, uses: './act', with: {} };
    expect(wishOf(await runPlan([step], { files: { 'act/action.yml': inner } }))?.goto?.target).toBe('build');
  });
});

describe('another attempt', () => {
  const failing = 'echo n=2 >> "$PACELINE_RETRY_STATE"; echo 30s >> "$PACELINE_RETRY_AFTER"; exit 75';

  it('is wished for by a listed exit code, with what was left for it and when', async () => {
    expect(wishOf(await run(failing, retrying([75])))).toEqual({
      goto: null,
      retry: { afterMs: 30_000, state: { n: '2' } },
    });
  });

  it.each([
    ['of another exit code', 'exit 1', [75]],
    ['of a job that succeeded', 'echo n=2 >> "$PACELINE_RETRY_STATE"', [75]],
  ])('is not wished for %s', async (_, script, codes) => {
    expect(wishOf(await run(script, retrying(codes)))).toBeNull();
  });

  it('is not wished for without `retry`', async () => {
    expect(wishOf(await run('exit 75'))).toBeNull();
  });

  it('is wished for by every failure where the file says any', async () => {
    expect(wishOf(await run('exit 3', retrying(null)))?.retry).toEqual({ afterMs: null, state: {} });
  });

  it('is not wished for when another step failed for good', async () => {
    const job = await runPlan([bg('t', 'exit 75'), bg('p', 'exit 1')], retrying([75]));
    expect(wishOf(job)).toBeNull();
  });

  it('finds what was left in its environment, over that of the job, and in `flow.state`', async () => {
    const job = await runPlan([fg('a', 'echo "[$n] [${{ flow.state.n }}] [${{ flow.attempt }}]"')], {
      job: { env: { n: '0' } },
      contexts: { flow: { attempt: 2, state: { n: '7' } } },
    });
    expect(job.log('a')).toContain('[7] [7] [2]');
  });
});
