import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openJob, runPlan, type JobOptions, type TestJob } from './handlers-harness.ts';

const jobs: TestJob[] = [];
afterEach(async () => {
  for (const job of jobs.splice(0)) await job.dispose();
});

async function job(options: JobOptions = {}): Promise<TestJob> {
  const opened = await openJob(options);
  jobs.push(opened);
  return opened;
}

describe('a script', () => {
  it('runs in the workspace and says what it runs, with the shell and the environment it was given', async () => {
    const { run, workspace } = await job();
    const step = await run(runPlan('echo "in $PWD, $A"\n', { shell: 'bash', env: { A: 'b', EMPTY: '' } }));
    expect(step).toMatchObject({ outcome: 'success', exitCode: 0, reason: null });
    expect(step.log.split('\n')).toEqual([
      '##[group]Run echo "in $PWD, $A"',
      '\u001b[36;1mecho "in $PWD, $A"\u001b[0m',
      expect.stringMatching(/^shell: \/.*bash --noprofile --norc -e -o pipefail \{0\}$/),
      'env:',
      '  A: b',
      '##[endgroup]',
      `in ${workspace}, b`,
      '',
    ]);
  });

  it('that fails is an error with its exit code', async () => {
    const step = await (await job()).run(runPlan('exit 3'));
    expect(step).toMatchObject({ outcome: 'failure', exitCode: 3, signal: null, reason: null });
    expect(step.messages).toEqual(['error: Process completed with exit code 3.']);
  });

  it('that is ended by a signal of its own is an error that names it', async () => {
    const step = await (await job()).run(runPlan('kill -KILL $$'));
    expect(step).toMatchObject({ outcome: 'failure', exitCode: null, signal: 'SIGKILL' });
    expect(step.messages).toEqual(['error: The process was ended by the signal SIGKILL.']);
  });

  it('is evaluated when it starts, as are its shell and its working directory', async () => {
    const { run } = await job({ files: { 'sub/f': '' }, contexts: { matrix: { dir: 'sub', shell: 'sh', say: 'hi' } } });
    const plan = runPlan('echo "${{ matrix.say }} in ${PWD##*/}"', {
      shell: '${{ matrix.shell }}',
      workingDirectory: '${{ matrix.dir }}',
    });
    const step = await run(plan);
    expect(step.printed).toEqual(['hi in sub']);
    expect(step.log).toMatch(/shell: \S*\/sh -e \{0\}/);
  });

  it('that cannot be evaluated fails without running', async () => {
    const step = await (await job()).run(runPlan("echo ${{ fromJSON('{') }}"));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'condition-error', exitCode: null });
    expect(step.messages[0]).toContain('fromJSON');
  });

  it('takes shell and working directory from the defaults of the job where it has none of its own', async () => {
    const { run } = await job({
      files: { 'a/f': '', 'b/f': '' },
      handlers: { defaults: { shell: 'sh', workingDirectory: 'a' } },
    });
    const inherited = await run(runPlan('echo "${PWD##*/}"'));
    const own = await run(runPlan('echo "${PWD##*/}"', { shell: 'bash', workingDirectory: 'b' }));
    expect([inherited.printed, own.printed]).toEqual([['a'], ['b']]);
    expect(inherited.log).toMatch(/\/sh -e/);
    expect(own.log).toMatch(/bash --noprofile/);
  });
});

describe('shells', () => {
  it('without a shell, bash stops at the first error and not at one inside of a pipe', async () => {
    const { run } = await job();
    expect(await run(runPlan('false | true\necho on\nfalse\necho never'))).toMatchObject({
      outcome: 'failure',
      printed: ['on'],
    });
    expect(await run(runPlan('false | true\necho never', { shell: 'bash', if: 'always()' }))).toMatchObject({
      outcome: 'failure',
      printed: [],
    });
  });

  it('without a shell and without bash, sh runs the script', async () => {
    const { run, workspace } = await job();
    await mkdir(join(workspace, 'bin'));
    await writeFile(join(workspace, 'bin/sh'), '#!/bin/sh\necho "sh $1"\n', { mode: 0o755 });
    const step = await run(runPlan('true', { env: { PATH: join(workspace, 'bin') } }));
    expect(step.printed).toEqual(['sh -e']);
  });

  it('python runs scripts as they are', async () => {
    const step = await (await job()).run(runPlan('import sys\nprint(sys.argv[0][-3:])', { shell: 'python3 {0}' }));
    expect(step.printed).toHaveLength(1);
    const builtIn = await jobs[0]!.run(runPlan('import sys\nprint(sys.argv[0][-3:])', { shell: 'python' }));
    expect(builtIn.printed).toEqual(['.py']);
  });

  it('a custom shell gets the script file where it has {0}', async () => {
    const { run } = await job();
    const step = await run(runPlan('one\ntwo', { shell: 'cat -n "{0}"' }));
    expect(step.printed.map((line) => line.trim())).toEqual(['1\tone', '2\ttwo']);
  });

  it('that are not there are named', async () => {
    const step = await (await job()).run(runPlan('true', { shell: 'nosuchshell {0}' }));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
    expect(step.messages).toEqual(["error: The shell 'nosuchshell' was not found on this machine's PATH."]);
  });

  it.each(['nosuchshell', 'bash -x'])('%s has no place for the script', async (shell) => {
    const step = await (await job()).run(runPlan('true', { shell }));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
    expect(step.messages[0]).toContain("'{0}'");
  });

  it.each(['no/such/dir', 'file'])('a working directory that is none (%s) is named', async (workingDirectory) => {
    const { run, workspace } = await job({ files: { file: '' } });
    const step = await run(runPlan('true', { workingDirectory }));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
    expect(step.messages[0]).toContain(join(workspace, workingDirectory));
  });
});

describe('what a script changes', () => {
  it('comes back as effects: files and commands, files first', async () => {
    const { run } = await job();
    const step = await run(
      runPlan(
        [
          'echo "::set-output name=both::printed"',
          'echo "::set-output name=printed::yes"',
          'echo both=written >> "$GITHUB_OUTPUT"',
          'echo A=1 >> "$GITHUB_ENV"',
          'echo /first >> "$GITHUB_PATH"; echo /second >> "$GITHUB_PATH"',
        ].join('\n'),
      ),
    );
    expect(step.effects).toEqual({
      outputs: new Map([
        ['both', 'written'],
        ['printed', 'yes'],
      ]),
      env: new Map([['A', '1']]),
      path: ['/first', '/second'],
    });
    const next = await run(runPlan('echo "$A ${PATH%%:/usr*}"'));
    expect(next.printed[0]).toMatch(/^1 \/second:\/first/);
  });

  it('a summary comes back masked', async () => {
    const { run, masker } = await job();
    masker.add('hunter22');
    const step = await run(runPlan('echo "# hunter22" >> "$GITHUB_STEP_SUMMARY"'));
    expect(step.summary).toBe('# ***\n');
  });

  it('a malformed file fails the step, and what came before the error counts', async () => {
    const step = await (await job()).run(runPlan('printf "a=1\\nb<<EOF\\nx\\n" >> "$GITHUB_OUTPUT"'));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'command-error', exitCode: 0 });
    expect(step.effects.outputs).toEqual(new Map([['a', '1']]));
    expect(step.messages.join('\n')).toContain('EOF');
  });

  it('set-env is refused unless the step allows it', async () => {
    const { run } = await job();
    expect(await run(runPlan('echo "::set-env name=A::1"'))).toMatchObject({ reason: 'command-error' });
    const allowed = await run(
      runPlan('echo "::set-env name=A::1"', { if: 'always()', env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: 'true' } }),
    );
    expect(allowed.effects.env).toEqual(new Map([['A', '1']]));
  });

  it('survives that a step removes the temporary folder', async () => {
    const { run, tempDirectory } = await job();
    expect((await run(runPlan('rm -rf "$RUNNER_TEMP"'))).outcome).toBe('success');
    expect((await run(runPlan('echo v=1 >> "$GITHUB_OUTPUT"; cat "$GITHUB_EVENT_PATH"'))).printed).toEqual([
      '{"number":1}',
    ]);
    await rm(tempDirectory, { recursive: true, force: true });
    await writeFile(tempDirectory, 'a file in its place');
    const step = await run(runPlan('true'));
    expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
    expect(step.messages[0]).toMatch(/could not be prepared: E(NOTDIR|EXIST)/);
  });
});

describe('the event file', () => {
  it('is private to each step: who changes it changes nobody else’s', async () => {
    const { start } = await job();
    const script = 'cat "$GITHUB_EVENT_PATH" && echo broken > "$GITHUB_EVENT_PATH"';
    const steps = Array.from({ length: 8 }, () => start(runPlan(script, { shell: 'sh' })).ended);
    for (const step of await Promise.all(steps)) expect(step.printed).toEqual(['{"number":1}']);
  });
});

describe('ending a script', () => {
  it('a stop reaches what the script runs, and what it wrote before counts', async () => {
    const { start } = await job();
    const step = start(
      runPlan('echo v=1 >> "$GITHUB_OUTPUT"; printf "half<<E\\n" >> "$GITHUB_OUTPUT"; echo ready; sleep 60'),
    );
    await step.logged('\nready');
    step.stop.ask('cancel-step');
    const ended = await step.ended;
    expect(ended).toMatchObject({ outcome: 'cancelled', reason: 'cancelled-by-step' });
    expect(ended.effects.outputs).toEqual(new Map([['v', '1']]));
    expect(ended.messages).toEqual([]);
  });

  it('one that was asked to end before it started does not start', async () => {
    const { start, workspace } = await job();
    const step = start(runPlan('touch started'));
    step.stop.ask('user');
    expect(await step.ended).toMatchObject({ outcome: 'cancelled', exitCode: null });
    await expect(readFile(join(workspace, 'started'))).rejects.toThrow('ENOENT');
  });
});
