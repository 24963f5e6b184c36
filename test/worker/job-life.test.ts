import { stat } from 'node:fs/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobReportSchema } from '../../src/protocol/report.ts';
import { bg, fg } from '../support/fake-job.ts';
import { removeJobFolders, runPlan, uses } from './job-harness.ts';

afterAll(removeJobFolders);

const WITH_STAGES = {
  'o/stages@v1/action.yml': '{ name: stages, runs: { using: node20, pre: pre.js, main: main.js, post: post.js } }',
  'o/stages@v1/pre.js': 'console.log("pre ran")',
  'o/stages@v1/main.js': 'console.log("main ran")',
  'o/stages@v1/post.js': 'console.log("post ran")',
};

describe('the order of a job', () => {
  it('is set-up, hook, pre, main, drain, post, hook, complete; numbers say so too', async () => {
    const job = await runPlan([bg('a', 'sleep 0.2'), uses('action', 'o/stages@v1'), fg('last', 'true')], {
      actions: WITH_STAGES,
      files: { 'started.sh': 'echo started', 'completed.sh': 'echo completed' },
      hooks: { started: 'started.sh', completed: 'completed.sh' },
    });
    expect(job.report.steps.map(({ number, name, kind, phase }) => [number, name, kind, phase])).toEqual([
      [1, 'Set up job', 'setup', 'setup'],
      [2, 'Set up runner', 'hook', 'pre'],
      [3, 'Pre Run o/stages@v1', 'uses', 'pre'],
      [4, 'Run sleep 0.2', 'run', 'main'],
      [5, 'Run o/stages@v1', 'uses', 'main'],
      [6, 'Run true', 'run', 'main'],
      [7, 'Wait for all background steps', 'wait-all', 'main'],
      [8, 'Post Run o/stages@v1', 'post', 'post'],
      [9, 'Complete runner', 'hook', 'post'],
      [10, 'Complete job', 'setup', 'complete'],
    ]);
    const inOrder = job.report.steps.filter(({ background }) => !background);
    for (const [index, step] of inOrder.entries())
      if (index > 0) expect(step.startedAt! >= inOrder[index - 1]!.completedAt!).toBe(true);
    expect(job.step('Post Run o/stages@v1').startedAt! >= job.step('a').completedAt!).toBe(true);
    expect(job.report).toMatchObject({ id: 'build', name: 'Build', instance: 0, conclusion: 'success', reason: null });
  });

  it('is told by events: started first, completed last, each step pending before it runs and completed once', async () => {
    const job = await runPlan([fg('a', 'true'), fg('b', 'false')]);
    expect(job.events[0]).toMatchObject({ type: 'job-started', job: 'build', id: 'build', name: 'Build' });
    expect(job.events.at(-1)).toEqual({
      type: 'job-completed',
      at: expect.any(String),
      job: 'build',
      report: job.report,
    });
    const states = job.events.flatMap((event) =>
      event.type === 'step' ? [`${event.step.number} ${event.state}`] : [],
    );
    expect(states).toEqual([
      ...['1 pending', '1 running', '1 completed'],
      ...['2 pending', '3 pending', '2 running', '2 completed', '3 running', '3 completed'],
      ...['4 pending', '4 running', '4 completed'],
    ]);
    expect(job.events.filter(({ type }) => type === 'annotation')).toHaveLength(1);
  });

  it('ends in a report that fits its schema', async () => {
    const job = await runPlan([fg('a', 'echo "::error file=a.js,line=3::broken"; exit 3'), bg('b', 'true')]);
    expect(jobReportSchema.safeParse(job.report).error).toBeUndefined();
    expect(job.report.conclusion).toBe('failure');
  });

  it('of a matrix instance is reported under the id of its job', async () => {
    const job = await runPlan([], {
      message: { key: 'caller.build.2', instance: 2 },
      contexts: { matrix: { os: 'linux' } },
    });
    expect(job.report).toMatchObject({ id: 'caller.build', instance: 2, matrix: { os: 'linux' } });
    expect(job.events[0]).toMatchObject({ job: 'caller.build.2', id: 'caller.build' });
  });
});

describe('set-up', () => {
  it('says who runs what where', async () => {
    const job = await runPlan([], { contexts: { inputs: { level: 3 } } });
    const log = job.log('Set up job');
    for (const line of [
      'Paceline 1.2.3 on Node.js',
      'Name: tester',
      `Workspace: ${job.workspace}`,
      'Job: Build',
      'level: 3',
    ])
      expect(log).toContain(line);
  });

  it('evaluates the environment of the workflow and of the job over it', async () => {
    const job = await runPlan([fg('a', 'echo "$A $B $C $D"')], {
      message: {
        env: [
          { A: 'outer', B: '${{ github.ref }}', D: 1 },
          { A: '${{ secrets.ONE }}', C: true },
        ],
      },
      contexts: { secrets: { ONE: 'wonder' } },
    });
    expect(job.log('a')).toContain('*** refs/heads/main true 1\n');
  });

  it('completes the contexts by what only the machine knows', async () => {
    const script = [
      'echo "job ${{ github.job }} action ${{ github.action }} status ${{ job.status }}"',
      'echo "runner ${{ runner.name }} ${{ runner.os }} ${{ runner.arch }} ${{ runner.environment }}"',
      'test "${{ github.workspace }}" = "$PWD" && test "$GITHUB_WORKSPACE" = "$PWD" && echo workspace',
      'test "${{ runner.temp }}" = "$RUNNER_TEMP" && test "${{ runner.tool_cache }}" = "$RUNNER_TOOL_CACHE" && echo folders',
      'cat "${{ github.event_path }}"',
    ].join('\n');
    const job = await runPlan([fg('a', script)]);
    const log = job.log('a');
    expect(log).toContain('job build action a status success\n');
    expect(log).toContain('runner tester Linux X64 self-hosted\n');
    expect(log).toContain('\nworkspace\nfolders\n{"action":"opened"}');
  });

  it('gives the job a temporary folder that nobody else can read, and takes it away with all that is in it', async () => {
    const job = await runPlan([
      fg(
        'a',
        'stat -c %a "$RUNNER_TEMP"; mkdir -p "$RUNNER_TEMP/x/y"; touch "$RUNNER_TEMP/x/y/z"; echo "at $RUNNER_TEMP"',
      ),
    ]);
    expect(job.log('a')).toContain('\n700\n');
    const folder = /at (\S+)/.exec(job.log('a').split('##[endgroup]')[1]!)![1]!;
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('merges the defaults of workflow and job key by key', async () => {
    const job = await runPlan([fg('a', 'echo "in $PWD"; [[ 1 ]] && echo bash')], {
      files: { 'sub/x': '' },
      message: {
        defaults: [
          { shell: 'bash', workingDirectory: 'nowhere' },
          { shell: null, workingDirectory: '${{ vars.FOLDER }}' },
        ],
      },
      contexts: { vars: { FOLDER: 'sub' } },
    });
    expect(job.log('a')).toContain(`in ${job.workspace}/sub\nbash\n`);
    expect(job.log('a')).toContain('--noprofile --norc -e -o pipefail');
  });

  it.each([
    [{ container: 'node:20' }, 'a job container (node:20)'],
    [{ container: { image: '${{ vars.IMAGE }}', env: {} } }, 'a job container (alpine)'],
    [{ services: { db: { image: 'postgres' } } }, 'a service (db)'],
    [{ services: { db: 'postgres', cache: { image: 'redis' }, none: { image: '' } } }, 'services (db, cache)'],
  ])('ends a job that asks for %j with one clear sentence', async (keys, what) => {
    const job = await runPlan([fg('a', 'true')], { job: keys, contexts: { vars: { IMAGE: 'alpine' } } });
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: 'not-supported' });
    expect(job.said('Set up job')).toEqual([
      `This job asks for ${what}, which this version of Paceline recognises but does not run yet.`,
    ]);
    expect(job.steps).toEqual(['Set up job: failure (not-supported)', 'Complete job: success']);
  });

  it.each([{ container: '${{ vars.NONE }}' }, { container: { image: '' } }, { services: { db: { image: '' } } }])(
    'takes %j for no container, as GitHub does',
    async (keys) => {
      const job = await runPlan([fg('a', 'true')], { job: keys });
      expect(job.report.conclusion).toBe('success');
    },
  );

  it('fails for an environment that cannot be evaluated, and the job is completed all the same', async () => {
    const job = await runPlan([fg('a', 'true')], { message: { env: [{ A: '${{ fromJSON("{") }}' }] } });
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: 'condition-error' });
    expect(job.steps).toEqual(['Set up job: failure (condition-error)', 'Complete job: success']);
    expect(job.said('Set up job')[0]).toContain('fromJSON');
  });

  it('fails when there is no temporary folder to be had', async () => {
    const job = await runPlan([fg('a', 'true')], { host: { tempRoot: '/proc/nowhere' } });
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: 'start-failed' });
    expect(job.said('Set up job')[0]).toContain('The temporary folder of the job cannot be had: ENOENT');
  });

  it('fails for budgets that do not contain each other', async () => {
    const job = await runPlan([fg('a', 'true')], { config: { coordinatorGraceSeconds: 1 } });
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: 'start-failed' });
    expect(job.said('Set up job')[0]).toContain('coordinatorGraceSeconds (1 s) must be longer than stopGrace');
  });

  it('leaves an action that cannot be loaded to its own step', async () => {
    const job = await runPlan([uses('a', 'o/missing@v1'), fg('b', 'echo ran', { if: 'always()' })]);
    expect(job.steps).toEqual([
      'Set up job: success',
      'a: failure (action-not-loaded)',
      'b: success',
      'Complete job: success',
    ]);
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: null });
  });
});

describe('the environment that steps inherit', () => {
  it('is that of the runner with its .env over it', async () => {
    const dotenv = new Map<string, string | null>([
      ['FROM_FILE', 'file'],
      ['PACELINE_GONE', null],
    ]);
    const base = { PATH: process.env.PATH ?? '', PACELINE_GONE: 'x', KEPT: 'kept' };
    const job = await runPlan([fg('a', 'echo "$FROM_FILE $KEPT ${PACELINE_GONE-unset}"')], {
      host: { dotenv, baseEnvironment: base },
    });
    expect(job.log('a')).toContain('file kept unset\n');
  });

  it('lies below that of the workflow', async () => {
    const job = await runPlan([fg('a', 'echo "is $A"')], {
      host: { dotenv: new Map([['A', 'file']]) },
      message: { env: [{ A: 'workflow' }] },
    });
    expect(job.log('a')).toContain('is workflow\n');
  });
});

describe('secrets', () => {
  it('are masked in logs, names, outputs and the title of the job, the token too', async () => {
    const job = await runPlan(
      [
        fg('a', 'echo "secret hunter22 token ghs_1234567"; echo "x=hunter22" >> "$GITHUB_OUTPUT"', {
          name: 'Say ${{ secrets.S }}',
        }),
      ],
      {
        message: { displayName: 'Build hunter22', masks: ['more-of-it'] },
        contexts: { secrets: { S: 'hunter22' }, github: { token: 'ghs_1234567' } },
      },
    );
    expect(job.log('a')).toContain('secret *** token ***');
    expect(job.step('a')).toMatchObject({ name: 'Say ***', outputs: { x: '***' } });
    expect(job.report.name).toBe('Build ***');
    expect(JSON.stringify(job.events)).not.toMatch(/hunter22|ghs_1234567/);
  });

  it('have the token among them', async () => {
    const job = await runPlan([fg('a', 'test "${{ secrets.GITHUB_TOKEN }}" = ghs_1234567 && echo same')], {
      contexts: { github: { token: 'ghs_1234567' } },
    });
    expect(job.log('a')).toContain('same\n');
  });

  it('that switch debug logging on are no secrets', async () => {
    const job = await runPlan([fg('a', 'echo "::debug::details"; echo "it is true that $RUNNER_DEBUG"')], {
      contexts: { secrets: { ACTIONS_STEP_DEBUG: 'true' } },
    });
    expect(job.log('a')).toContain('##[debug]details\nit is true that 1\n');
  });
});
