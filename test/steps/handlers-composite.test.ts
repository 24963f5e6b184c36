import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { GITHUB, openJob, runPlan, usesPlan, type JobOptions, type TestJob } from './handlers-harness.ts';

const roots = [fileURLToPath(new URL('../fixtures/actions', import.meta.url))];
const jobs: TestJob[] = [];
afterEach(async () => {
  for (const job of jobs.splice(0)) await job.dispose();
});

async function job(options: JobOptions = {}): Promise<TestJob> {
  const opened = await openJob({ store: { roots }, ...options });
  jobs.push(opened);
  return opened;
}

/** A workspace with one composite action `./c`; `steps` is the YAML of a flow or block list. */
function composite(steps: string, head = ''): Record<string, string> {
  return { 'c/action.yml': `${head}\nruns:\n  using: composite\n  steps:\n${steps.replaceAll(/^/gm, '    ')}\n` };
}

const C = usesPlan('./c', { id: 'c' });

describe('a composite action', () => {
  it('is one step: what its inner steps change is its own effect, and nothing is seen before', async () => {
    const test = await job({
      files: composite(
        [
          '- id: first',
          '  shell: bash',
          '  run: |',
          '    echo v=1 >> "$GITHUB_OUTPUT"; echo FOO=1 >> "$GITHUB_ENV"; echo /inner >> "$GITHUB_PATH"',
          '- shell: bash',
          '  run: echo "[$FOO] [${{ env.FOO }}] [${{ steps.first.outputs.v }}] [${{ steps.first.conclusion }}] ${PATH%%:*}"',
        ].join('\n'),
        'outputs: { out: { value: "<${{ steps.first.outputs.v }}>" }, none: { value: "${{ steps.gone.outputs.v }}" } }',
      ),
    });
    const step = await test.run(C);
    expect(step.printed.at(-1)).toBe('[1] [1] [1] [success] /inner');
    expect(step.effects).toEqual({
      outputs: new Map([
        ['out', '<1>'],
        ['none', ''],
      ]),
      env: new Map([['FOO', '1']]),
      path: ['/inner'],
    });
    expect(Object.keys(test.state.steps)).toEqual(['c']);
  });

  it('sees its inputs and where it is, the env of its step, and no steps outside', async () => {
    const test = await job({
      files: composite(
        [
          '- { id: s, shell: bash, run: \'echo "${{ inputs.who }} ${{ inputs.how }} $FROM_STEP [${{ steps.outside.outputs.v }}]"\' }',
          '- { shell: bash, run: \'echo "$GITHUB_ACTION ${{ github.action_path == env.GITHUB_ACTION_PATH }} ${GITHUB_ACTION_PATH##*/} [$INPUT_WHO]"\', env: { GITHUB_ACTION_PATH: x } }',
          '- { shell: bash, run: \'echo "${{ matrix.m }}"\' }',
        ].join('\n'),
        'inputs: { who: { required: true }, how: { default: "${{ github.actor }}" } }',
      ),
      contexts: { matrix: { m: 'matrix' } },
    });
    await test.run(runPlan('echo v=1 >> "$GITHUB_OUTPUT"', { id: 'outside' }));
    const step = await test.run({ ...C, with: { who: 'you' }, env: { FROM_STEP: 'step' } });
    expect(step.printed.filter((line) => !/^(shell|env|with):|^ {2}/.test(line) && !line.includes('\u001b'))).toEqual([
      'you ada step []',
      '__run false c []',
      'matrix',
    ]);
  });

  it('gets secrets as inputs only', async () => {
    const test = await job({
      files: composite('- { shell: bash, run: "echo ${{ secrets.S }}" }'),
      contexts: { secrets: { S: 'secret' } },
    });
    const step = await test.run(C);
    expect(step).toMatchObject({ outcome: 'failure', reason: 'action-not-loaded' });
    expect(step.messages[0]).toMatch(/c\/action\.yml:\d+:\d+: error: .*secrets/);
  });

  it('goes on after a failure for those who want to, and fails by the first', async () => {
    const test = await job({
      files: composite(
        [
          '- { shell: bash, run: "exit 4" }',
          '- { shell: bash, run: "touch skipped" }',
          '- { shell: bash, run: "touch on-failure", if: failure() }',
          '- { shell: bash, run: "echo v=kept >> $GITHUB_OUTPUT", if: always(), id: last }',
        ].join('\n'),
        'outputs: { v: { value: "${{ steps.last.outputs.v }}" } }',
      ),
    });
    const step = await test.run(C);
    expect(step).toMatchObject({ outcome: 'failure', exitCode: 4, effects: { outputs: new Map([['v', 'kept']]) } });
    await access(join(test.workspace, 'on-failure'));
    await expect(access(join(test.workspace, 'skipped'))).rejects.toThrow('ENOENT');
  });

  it('a failure that an inner step may have fails nothing', async () => {
    const test = await job({
      files: composite(
        [
          '- { id: f, shell: bash, run: "exit 1", continue-on-error: true }',
          '- { shell: bash, run: \'echo "${{ steps.f.outcome }} ${{ steps.f.conclusion }} ${{ github.action_status }}"\' }',
        ].join('\n'),
      ),
    });
    const step = await test.run(C);
    expect(step.outcome).toBe('success');
    expect(step.printed.at(-1)).toBe('failure success success');
  });

  it('looks at its own failures and not at the job’s', async () => {
    const test = await job({ files: composite('- { shell: bash, run: "echo ran" }') });
    await test.run(runPlan('exit 1'));
    const step = await test.run({ ...C, if: 'always()' });
    expect(step.printed.at(-1)).toBe('ran');
  });

  it('an output that cannot be evaluated fails it', async () => {
    const test = await job({
      files: composite('- { shell: bash, run: "true" }', `outputs: { v: { value: "\${{ fromJSON('{') }}" } }`),
    });
    const step = await test.run(C);
    expect(step.outcome).toBe('failure');
    expect(step.messages[0]).toContain('fromJSON');
  });

  it('the defaults of the job do not reach it', async () => {
    const test = await job({
      files: { ...composite('- { shell: bash, run: "echo ${PWD##*/}" }'), 'sub/f': '' },
      handlers: { defaults: { shell: null, workingDirectory: 'sub' } },
    });
    expect((await test.run(C)).printed.at(-1)).toBe('workspace');
  });

  it('the summaries of its inner steps are one', async () => {
    const summary = '- { shell: bash, run: "echo part >> $GITHUB_STEP_SUMMARY" }';
    const test = await job({ files: composite(`${summary}\n${summary}`) });
    expect((await test.run(C)).summary).toBe('part\n\npart\n');
  });
});

describe('composite actions in composite actions', () => {
  it('have their pre and post stages as one of the outer step, post in reverse order', async () => {
    const test = await job();
    const step = usesPlan('octo/nested@v2', { id: 'n', with: { who: 'Ada' } });
    const { signal } = new AbortController();
    const request = { steps: [step], contexts: { github: GITHUB }, signal, onLoaded: () => undefined };
    const [pre, ...others] = await test.handlers.preStages(request);
    expect(others).toEqual([]);
    const preRan = await test.runStage(pre!);
    // No step of the composite action has run yet, so there is no name.
    expect(preRan.printed.filter((line) => line.startsWith('pre for'))).toEqual(['pre for ', 'pre for last']);

    const ran = await test.run(step);
    expect(ran.printed).toContain('action path: nested, octo/nested@v2');
    expect(ran.printed).toContain('main for Ada the second, needed=[0], state from pre');
    expect(ran.effects.outputs).toEqual(new Map([['greeting', 'hello Ada the second']]));

    const posts = await test.runPosts();
    expect(posts).toHaveLength(1);
    expect(posts[0]!.printed.filter((line) => line.startsWith('post for'))).toEqual([
      'post for last, state from main, printed yes',
      'post for Ada the second, state from main, printed yes',
    ]);
  });

  it('without anything in a post stage there is none', async () => {
    const test = await job();
    await test.run(usesPlan('octo/mono/sub@v1'));
    expect(test.handlers.postStages()).toEqual([]);
  });

  it('end at depth nine with a sentence', async () => {
    const test = await job();
    const { signal } = new AbortController();
    const step = usesPlan('octo/deep@v1');
    expect(await test.handlers.preStages({ steps: [step], contexts: {}, signal, onLoaded: () => undefined })).toEqual(
      [],
    );
    const ran = await test.run(step);
    expect(ran.outcome).toBe('failure');
    expect(ran.messages).toEqual(['error: Composite action depth exceeded max depth 9']);
    expect((await test.run(runPlan('wc -l < depth', { if: 'always()' }))).printed).toEqual(['10']);
  });
});

describe('ending a composite action', () => {
  const LONG = [
    '- { shell: bash, run: "echo v=1 >> $GITHUB_OUTPUT; echo ready; sleep 60", id: long }',
    '- { shell: bash, run: "touch plain" }',
    '- { shell: bash, run: "touch cleaned-up", if: always() }',
  ].join('\n');
  const outputs = 'outputs: { v: { value: "${{ steps.long.outputs.v }}" } }';

  it('a cancel step ends the inner process and nothing more of it runs; what was written before counts', async () => {
    const test = await job({ files: composite(LONG, outputs) });
    const step = test.start(C);
    await step.logged('\nready');
    step.stop.ask('cancel-step');
    const ended = await step.ended;
    expect(ended).toMatchObject({ outcome: 'cancelled', effects: { outputs: new Map([['v', '1']]) } });
    await expect(access(join(test.workspace, 'plain'))).rejects.toThrow('ENOENT');
    await expect(access(join(test.workspace, 'cleaned-up'))).rejects.toThrow('ENOENT');
  });

  it('when the job is cancelled, inner steps that want to clean up still run', async () => {
    const test = await job({ files: composite(LONG) });
    const step = test.start(C);
    await step.logged('\nready');
    step.stop.ask('user');
    expect((await step.ended).outcome).toBe('cancelled');
    await expect(access(join(test.workspace, 'plain'))).rejects.toThrow('ENOENT');
    await access(join(test.workspace, 'cleaned-up'));
  });

  it('a kill ends those too', async () => {
    const test = await job({
      files: composite(
        '- { shell: bash, run: "echo ready; sleep 60" }\n- { shell: bash, run: "echo cleaning; sleep 60", if: always() }',
      ),
    });
    const step = test.start(C);
    await step.logged('\nready');
    step.stop.ask('user');
    await step.logged('\ncleaning');
    step.stop.kill('user');
    expect((await step.ended).outcome).toBe('cancelled');
  });

  it('a time limit is said once, by the step that has it', async () => {
    const test = await job({ files: composite(LONG) });
    const step = test.start({ ...C, timeoutMinutes: 0.02 });
    const ended = await step.ended;
    expect(ended).toMatchObject({ outcome: 'failure', reason: 'timed-out' });
    expect(ended.messages).toEqual([expect.stringContaining('timed out')]);
  });
});
