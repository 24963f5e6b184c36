import { describe, expect, it } from '@jest/globals';
import { begin } from './flow-driver.ts';
import { input, workflow, type JobSketch } from './plans.ts';

const contexts = { github: { ref: 'main' }, inputs: { size: 'large', minutes: 7 }, vars: { POOL: 'big', EMPTY: '' } };
const one = (sketch: JobSketch, more = {}) => begin(input(workflow({ a: sketch }, more), {}, {}, contexts));
const started = (sketch: JobSketch) => one(sketch).flow.started.get('a')!;

describe('what a started job is told', () => {
  it('is its plan, its workflow, and environments and defaults from the outside in', () => {
    const { flow } = begin(
      input(
        workflow(
          { a: { env: { B: '${{ github.ref }}' }, defaults: { shell: 'sh', workingDirectory: null } } },
          { env: { A: '1' }, defaults: { shell: 'bash', workingDirectory: 'src' } },
        ),
        {},
        {},
        contexts,
      ),
    );
    const job = flow.started.get('a')!;
    expect(job).toMatchObject({
      id: 'a',
      workflow: 0,
      env: [{ A: '1' }, { B: '${{ github.ref }}' }],
      defaults: [
        { shell: 'bash', workingDirectory: 'src' },
        { shell: 'sh', workingDirectory: null },
      ],
      contexts: { inputs: contexts.inputs, needs: {} },
      secrets: [],
    });
    expect(job.plan.id).toBe('a');
  });

  it.each<[JobSketch['timeoutMinutes'], number | null]>([
    [1e300, 50_400],
    [null, 360],
    [5, 5],
    [0.5, 0.5],
    ['${{ inputs.minutes }}', 7],
    [0, null],
    [-1, null],
  ])('time limit %j becomes %j minutes', (timeoutMinutes, expected) => {
    expect(started({ timeoutMinutes: timeoutMinutes ?? null }).timeoutMinutes).toBe(expected);
  });

  it.each<[JobSketch['runsOn'], string[], string | null]>([
    ['ubuntu-latest', ['ubuntu-latest'], null],
    [['self-hosted', '${{ inputs.size }}'], ['self-hosted', 'large'], null],
    ['${{ fromJSON(\'["a", "b"]\') }}', ['a', 'b'], null],
    [{ group: '${{ vars.POOL }}', labels: 'gpu' }, ['gpu'], 'big'],
    [{ group: 'big' }, [], 'big'],
    ['${{ vars.EMPTY }}', [], null],
    ["${{ '$' }}{{ vars.POOL }}", ['${{ vars.POOL }}'], null],
  ])('runs-on %j becomes labels %j and group %j', (runsOn, labels, group) => {
    expect(started({ runsOn: runsOn ?? null }).runsOn).toEqual({ labels, group });
  });

  it.each<[JobSketch['environment'], string | null]>([
    [null, null],
    ['prod', 'prod'],
    ['${{ inputs.size }}', 'large'],
    ['${{ vars.EMPTY }}', null],
    // The URL is evaluated after the job, with contexts that do not exist yet.
    [{ name: 'x-${{ github.ref }}', url: '${{ steps.deploy.outputs.url }}' }, 'x-main'],
  ])('environment %j becomes %j', (environment, expected) => {
    expect(started({ environment: environment ?? null }).environment).toBe(expected);
  });
});

describe('a key that cannot be evaluated', () => {
  it.each<[JobSketch, string]>([
    [{ name: "${{ fromJSON('x') }}" }, 'could not be evaluated'],
    [{ name: '${{ github }}' }, 'it is a mapping where text was expected'],
    [{ timeoutMinutes: '${{ inputs.size }}' }, '`timeout-minutes` takes a number, but it is text.'],
    [{ continueOnError: "${{ 'true' }}" }, '`continue-on-error` takes true or false, but it is text.'],
    [{ continueOnError: '${{ github }}' }, '`continue-on-error` takes true or false, but it is a mapping.'],
    [{ runsOn: '${{ nope }}' }, 'there is no context `nope`'],
    [{ runsOn: [['a']] }, '`runs-on` takes text, but it is a list.'],
    [{ runsOn: { labels: [{}] } }, '`runs-on.labels` takes text, but it is a mapping.'],
    [{ environment: { name: "${{ fromJSON('') }}" } }, 'fromJSON() was given an empty text'],
    [{ concurrency: '${{ vars.EMPTY }}' }, 'The group of `concurrency` is empty.'],
    [{ concurrency: 'x'.repeat(401) }, 'The group of `concurrency` is longer than 400 characters.'],
    [
      { concurrency: { group: 'x', cancelInProgress: 'yes' } },
      '`cancel-in-progress` takes true or false, but it is text.',
    ],
  ])('fails the job that has it, with a sentence: %j', (sketch, message) => {
    const { flow, first } = one(sketch);
    expect(first).toEqual(['failure a', 'run failure']);
    expect(flow.settled.get('a')).toMatchObject({ conclusion: 'failure', reason: 'condition-error' });
    expect(flow.settled.get('a')?.message).toContain(message);
  });

  it('fails only the instances that it cannot be evaluated for', () => {
    const { flow, first } = one({
      matrix: { n: ['1', 'x', '2'] },
      strategy: { failFast: false },
      timeoutMinutes: '${{ fromJSON(matrix.n) }}',
    });
    expect(first).toEqual(['failure a.2', 'start a.1', 'start a.3']);
    expect(flow.settled.get('a.2')).toMatchObject({ name: 'a (x)', matrix: { n: 'x' }, instance: 2 });
  });
});
