import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { StepPlan } from '../../src/protocol/plan.ts';
import type { ActionStage } from '../../src/steps/step-handler.ts';
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

function preStages(
  { handlers }: TestJob,
  steps: readonly StepPlan[],
  lines: string[] = [],
): Promise<readonly ActionStage[]> {
  const { signal } = new AbortController();
  return handlers.preStages({ steps, contexts: { github: GITHUB }, signal, onLoaded: (line) => lines.push(line) });
}

const STAGES = usesPlan('octo/stages@v1', { id: 'stages', with: { needed: '0' } });

describe('a JavaScript action', () => {
  it('has its inputs with their defaults, runs in the workspace, and keeps its state from stage to stage', async () => {
    const test = await job();
    const lines: string[] = [];
    const [pre, ...others] = await preStages(test, [runPlan('true'), STAGES], lines);
    expect(others).toEqual([]);
    expect(lines).toEqual([expect.stringContaining('octo/stages@v1')]);
    expect(pre).toMatchObject({ step: STAGES, displayName: 'Pre Run octo/stages@v1', condition: 'always()' });
    expect((await test.runStage(pre!)).printed).toEqual(['pre for ada']);

    const main = await test.run(STAGES);
    expect(main.printed).toEqual([
      'main for ada, needed=[0], state from pre',
      `action octo/stages at v1, in ${test.workspace}`,
    ]);
    expect(main.log).toContain('##[group]Run octo/stages@v1\nwith:\n  needed: 0\n  who to greet: ada\n');
    expect(main.effects.outputs).toEqual(new Map([['greeting', 'hello ada']]));
    expect(test.state.env.get('SEEN_BY_ALL')).toBe('pre');

    expect(test.handlers.postStages()).toMatchObject([{ step: STAGES, displayName: 'Post Run octo/stages@v1' }]);
    const [post] = await test.runPosts();
    expect(post!.printed).toEqual(['post for ada, state from main, printed yes', '"a\\nb"']);
  });

  it('warns about inputs it does not know, lacks, or would rather not get', async () => {
    const { run } = await job();
    const step = await run(usesPlan('octo/stages@v1', { with: { OLD: 'x', odd: 'y' } }));
    expect(step.outcome).toBe('success');
    expect(step.messages).toEqual([
      "warning: Unexpected input(s) 'odd', valid inputs are ['who to greet', 'needed', 'old']",
      "warning: Input 'needed' is required by the action and was not given",
      "warning: Input 'old' has been deprecated with message: use who to greet",
      expect.stringMatching(/^warning: .*save-state/),
    ]);
  });

  it('fails by its exit code, without words of ours, and its post stage runs under its own condition', async () => {
    const failing = usesPlan('octo/stages@v1', { id: 'failing', with: { needed: '3' } });
    const first = await job();
    expect(await first.run(failing)).toMatchObject({ outcome: 'failure', exitCode: 3, reason: null });
    expect((await first.runPosts()).map(({ outcome }) => outcome)).toEqual(['skipped']);

    const second = await job();
    await second.run({ ...failing, env: { POST_ANYWAY: 'true' } });
    expect((await second.runPosts()).map(({ outcome }) => outcome)).toEqual(['success']);
  });

  it('that never started has no post stage', async () => {
    const test = await job();
    expect((await test.run({ ...STAGES, if: 'false' })).outcome).toBe('skipped');
    expect(test.handlers.postStages()).toEqual([]);
  });

  it('that is local has no pre stage, and says so', async () => {
    const test = await job({
      files: {
        'local/action.yml': 'runs: { using: node20, pre: pre.js, main: main.js }',
        'local/main.js': 'console.log("main")',
      },
    });
    const step = usesPlan('./local');
    expect(await preStages(test, [step])).toEqual([]);
    const ran = await test.run(step);
    expect(ran.printed).toEqual(['main']);
    expect(ran.messages).toEqual(["warning: `pre` is not run for the local action './local', as on GitHub."]);
  });

  it('whose file is missing fails with a sentence', async () => {
    const { run } = await job({ files: { 'local/action.yml': 'runs: { using: node20, main: gone.js }' } });
    const step = await run(usesPlan('./local'));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'action-not-loaded' });
    expect(step.messages).toEqual(["error: The main file 'gone.js' of the action './local' is not there."]);
  });

  it('is asked to end with its step', async () => {
    const { start } = await job({
      files: {
        'local/action.yml': 'runs: { using: node20, main: main.js }',
        'local/main.js': 'setInterval(() => {}, 1000); console.log("ready")',
      },
    });
    const step = start(usesPlan('./local'));
    await step.logged('\nready');
    step.stop.ask('user');
    expect(await step.ended).toMatchObject({ outcome: 'cancelled', signal: 'SIGINT' });
  });

  it('names in expressions of its step are evaluated for its other stages', async () => {
    const test = await job({ contexts: { matrix: { os: 'Plan 9' } } });
    const step = { ...STAGES, name: 'On ${{ matrix.os }}' };
    const [pre] = await test.handlers.preStages({
      ...{ steps: [step], contexts: { matrix: { os: 'Plan 9' } }, signal: new AbortController().signal },
      onLoaded: () => undefined,
    });
    expect(pre!.displayName).toBe('Pre On Plan 9');
    await test.run(step);
    expect(test.handlers.postStages()[0]!.displayName).toBe('Post On Plan 9');
  });
});

describe('the Node an action runs on', () => {
  const files = (using: string): Record<string, string> => ({
    'local/action.yml': `runs: { using: ${using}, main: main.js }`,
    'local/main.js': 'console.log(process.execPath)',
    'other-node': '#!/bin/sh\necho the other node',
  });
  const node = { path: process.execPath, version: '20.20.2' };

  it('is the one that runs Paceline, for it and for older versions', async () => {
    const { run } = await job({ files: files('node16'), handlers: { node } });
    expect((await run(usesPlan('./local'))).printed).toEqual([process.execPath]);
  });

  it('is one that the configuration names for that version', async () => {
    const test = await job({ files: files('node24'), handlers: { node, nodeRuntimes: {} } });
    const named = await openJob({
      files: files('node24'),
      handlers: { node, nodeRuntimes: { '24': `${test.workspace}/other-node` } },
    });
    jobs.push(named);
    expect((await named.run(usesPlan('./local'))).printed).toEqual(['the other node']);
  });

  it('is older than what the action asks for if there is no other, and the log says so', async () => {
    const { run } = await job({ files: files('node24'), handlers: { node } });
    const step = await run(usesPlan('./local'));
    expect(step.outcome).toBe('success');
    expect(step.printed).toEqual([
      'The action asks for Node 24. There is none here, so it runs on Node 20.20.2; nodeRuntimes in runner.config.json can name one.',
      process.execPath,
    ]);
  });
});

describe('actions that cannot run', () => {
  it.each([
    ['./nowhere', {}, 'action-not-loaded', /There is no 'action\.yml'.*actions\/checkout/],
    [
      './empty',
      { 'empty/readme': '' },
      'action-not-loaded',
      /There is no 'action\.yml', 'action\.yaml' or 'Dockerfile'/,
    ],
    [
      './odd',
      { 'odd/action.yml': 'runs: { using: cobol }' },
      'action-not-loaded',
      /odd\/action\.yml:1:\d+: error: .*cobol/s,
    ],
    ['./broken', { 'broken/action.yml': 'runs: {{' }, 'action-not-loaded', /broken\/action\.yml:1:/],
    ['owner/name', {}, 'action-not-loaded', /'owner\/name' names no action/],
    ['owner/name@v1', {}, 'action-not-loaded', /'owner\/name@v1'.*--offline/],
    ['docker://alpine', {}, 'not-supported', /'docker:\/\/alpine' is a Docker action/],
    ['./dock', { 'dock/Dockerfile': 'FROM scratch' }, 'not-supported', /'\.\/dock' is a Docker action/],
  ] as const)('%s', async (uses, files, reason, sentence) => {
    const step = await (await job({ files })).run(usesPlan(uses));
    expect(step).toMatchObject({ outcome: 'failure', reason });
    expect(step.messages).toHaveLength(1);
    expect(step.messages[0]).toMatch(sentence);
  });
});
