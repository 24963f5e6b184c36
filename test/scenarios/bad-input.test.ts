/** What users get wrong, and what steps do to the one that runs them: one clear sentence, the right exit code, nothing lost. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { CLI, jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

describe('files that are not workflows', () => {
  const billion = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'])
    billion.push(`${name!}: &${name!} [${Array(9).fill(`*${before!}`).join(',')}]`);
  const deep = `on: push\nx: ${'['.repeat(5_000)}${']'.repeat(5_000)}\n`;

  it.each([
    ['not YAML', 'on: push\njobs: {a: [}\n'],
    ['empty', ''],
    ['only a comment', '# nothing\n'],
    ['a list', '- on: push\n'],
    ['ten megabytes', `on: push\n${'# filler\n'.repeat(1_200_000)}`],
    ['with duplicate keys', 'on: push\non: pull_request\njobs: {}\n'],
    ['nested without end', deep],
    ['a billion laughs', `${billion.join('\n')}\non: push\njobs: *i\n`],
    ['binary', '\u0000\u0001\u0002'],
    ['without jobs', 'on: push\n'],
  ])('%s: exit 2, a sentence with file, line and column, and a report', async (_, text) => {
    const run = await runWorkflow(text);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/workflow\.yml:\d+:\d+: error: \S+/);
    expect(run.stderr).not.toMatch(/\n\s+at /);
    expect(run.report).toMatchObject({ schema: 1, conclusion: 'failure', jobs: [] });
    expect(run.report.diagnostics.length).toBeGreaterThan(0);
  });

  it('not UTF-8: exit 2, and the place of the first byte that is not', async () => {
    // `on: push`, and a name of the bytes FF FE; a test file holds text, so a step writes them.
    const bytes = '6f6e3a20707573680a6e616d653a20fffe0a';
    const run = await runWorkflow(
      jobOf(`
        - run: |
            "$NODE" -e 'require("fs").writeFileSync("bad.yml", Buffer.from("${bytes}", "hex"))'
        - id: inner
          continue-on-error: true
          run: |
            "$NODE" "$CLI" run bad.yml
      `),
      { env: { NODE: process.execPath, CLI } },
    );
    expect(run.step('inner').exitCode).toBe(2);
    expect(run.log('inner')).toMatch(/bad\.yml:2:7: error: .*UTF-8/);
  });
});

describe('actions that are not there', () => {
  const failsWith = async (uses: string, files: Record<string, string>, sentence: RegExp): Promise<void> => {
    const run = await runWorkflow(jobOf(`- { id: s, uses: ${uses} }\n- { id: always, if: always(), run: echo ran }`), {
      files,
      args: ['--offline'],
    });
    expect(run.exitCode).toBe(1);
    expect(run.step('s').conclusion).toBe('failure');
    expect(run.log('s')).toMatch(sentence);
    expect(run.step('s').annotations[0]!.message).toMatch(sentence);
    expect(run.printed('always')).toEqual(['ran']);
  };

  it('a local action that does not exist', () => failsWith('./nowhere', {}, /nowhere/));
  it('a folder without a manifest', () => failsWith('./empty', { 'empty/readme': '' }, /action\.ya?ml/));
  it('an unknown using', () => failsWith('./odd', { 'odd/action.yml': 'runs: { using: cobol, main: x }' }, /cobol/));
  it('a manifest that is not YAML', () => failsWith('./odd', { 'odd/action.yml': 'runs: {{' }, /action\.yml:1:/));
  it('an action of another repository, offline', () => failsWith('owner/name@v1', {}, /owner\/name@v1.*offline/s));
  it('a docker action', () =>
    failsWith('./dock', { 'dock/action.yml': "runs: { using: docker, image: 'docker://alpine' }" }, /[Dd]ocker/));
});

describe('jobs that ask for what is not there', () => {
  it.each([
    ['container', 'container: node:20'],
    ['services', 'services: { db: { image: "postgres:16" } }'],
  ])('%s: the job ends with one sentence', async (key, keys) => {
    const run = await runWorkflow(jobOf('- run: touch ran', keys));
    expect(run.exitCode).toBe(1);
    expect(run.report.jobs[0]).toMatchObject({ conclusion: 'failure', reason: 'not-supported' });
    expect(run.log('Set up job')).toContain(key === 'container' ? 'container' : 'service');
  });
});

describe('steps that cannot start', () => {
  it.each([
    ['a shell that does not exist', 'shell: "nosuchshell {0}", run: echo', /nosuchshell/],
    ['a shell without a place for the script', 'shell: bash -x, run: echo', /\{0\}/],
    ['a working directory that does not exist', 'working-directory: no/such/dir, run: echo', /no\/such\/dir/],
    ['a working directory that is a file', 'working-directory: workflow.yml, run: echo', /workflow\.yml/],
  ])('%s', async (_, keys, sentence) => {
    const run = await runWorkflow(jobOf(`- { id: s, ${keys} }`));
    expect(run.exitCode).toBe(1);
    expect(run.step('s')).toMatchObject({ conclusion: 'failure', reason: 'start-failed' });
    expect(run.step('s').annotations[0]!.message).toMatch(sentence);
  });
});

describe('what steps print', () => {
  it('three megabytes on one line arrive whole', async () => {
    const run = await runWorkflow(jobOf('- { id: s, run: "head -c 3000000 /dev/zero | tr \'\\\\0\' x; echo" }'));
    expect(run.exitCode).toBe(0);
    expect(run.printed('s').join('')).toBe('x'.repeat(3_000_000));
  });

  it('invalid UTF-8 becomes replacement characters, NULs do no harm, nothing is fine', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: invalid, run: "printf 'a\\\\xffb\\\\n'" }
        - { id: nul, run: "printf 'a\\\\0b\\\\n'" }
        - { id: nothing, run: ":" }
      `),
    );
    expect(run.printed('invalid')).toEqual(['a\ufffdb']);
    expect(run.printed('nul')[0]).toMatch(/^a.?b$/s);
    expect(run.printed('nothing')).toEqual([]);
  });

  it('ten thousand workflow commands: ten annotations a level, the rest in the log', async () => {
    const run = await runWorkflow(
      jobOf('- { id: s, run: "for n in $(seq 10000); do echo ::warning::number $n; done" }'),
    );
    expect(run.step('s').annotations).toHaveLength(10);
    expect(
      run
        .log('s')
        .split('\n')
        .filter((line) => line.startsWith('##[warning]')),
    ).toHaveLength(10_000);
  });

  it('/dev/stderr and /dev/stdout can be opened, and the order of both is kept', async () => {
    const run = await runWorkflow(
      jobOf(
        '- { id: s, run: "for n in 1 2 3; do echo out $n > /dev/stdout; echo err $n > /dev/stderr; done; echo tee | tee /dev/stderr" }',
      ),
    );
    expect(run.printed('s')).toEqual(['out 1', 'err 1', 'out 2', 'err 2', 'out 3', 'err 3', 'tee', 'tee']);
  });
});

describe('what steps do to their surroundings', () => {
  it('a file command left unterminated fails the step with the delimiter in the message', async () => {
    const run = await runWorkflow(jobOf('- { id: s, run: \'printf "a<<END\\nb\\n" >> "$GITHUB_ENV"\' }'));
    expect(run.step('s')).toMatchObject({ conclusion: 'failure', reason: 'command-error' });
    expect(run.step('s').annotations.some(({ message }) => message.includes('END'))).toBe(true);
  });

  it('a step that kills its own shell is a failure by that signal', async () => {
    const run = await runWorkflow(jobOf('- { id: s, run: "kill -9 $$" }\n- { id: next, if: always(), run: echo ran }'));
    expect(run.step('s')).toMatchObject({ conclusion: 'failure', signal: 'SIGKILL' });
    expect(run.printed('next')).toEqual(['ran']);
  });

  it('a fork of daemons is gone at the end of the job', async () => {
    const run = await runWorkflow(
      jobOf(
        '- run: for n in $(seq 30); do setsid setsid sleep 999 > /dev/null 2>&1 & done; sleep 0.3\n- run: pgrep -c sleep || true',
      ),
    );
    // The harness fails the test if one of them still lives.
    expect(run.exitCode).toBe(0);
    expect(run.log('Complete job')).toMatch(/sleep/);
  });

  it('a daemon that clears its environment is gone as well where cgroups can be written', async () => {
    const run = await runWorkflow(
      jobOf(
        '- { id: s, run: "env -i setsid sleep 876 > /dev/null 2>&1 & sleep 0.2" }\n- { id: check, if: always(), run: "pgrep -f \'sleep 876\' > daemon.pid" }',
      ),
    );
    expect(run.exitCode).toBe(0);
    const { readFile } = await import('node:fs/promises');
    const pid = Number(await readFile(`${run.directory}/daemon.pid`, 'utf8'));
    await expect(readFile(`/proc/${String(pid)}/cmdline`, 'latin1').catch(() => '')).resolves.not.toContain('876');
  });

  it('a server left running serves the next steps and ends with the job', async () => {
    const run = await runWorkflow(
      jobOf(`
        - run: |
            node -e 'require("http").createServer((q, s) => s.end("here")).listen(0, function () {
              require("fs").writeFileSync("port", String(this.address().port)); })' &
        - id: ask
          run: |
            until [ -s port ]; do sleep 0.05; done
            node -e 'fetch("http://127.0.0.1:" + require("fs").readFileSync("port")).then((r) => r.text()).then(console.log)'
      `),
    );
    expect(run.printed('ask')).toEqual(['here']);
    expect(run.log('Complete job')).toMatch(/node/);
  });

  it('a step that deletes its file command files and the temporary folder fails nothing but itself', async () => {
    const run = await runWorkflow(
      jobOf(
        '- { id: s, run: \'rm -rf "$RUNNER_TEMP" "$GITHUB_OUTPUT" "$GITHUB_ENV"\' }\n- { id: next, if: always(), run: echo ran }',
      ),
    );
    expect(run.printed('next')).toEqual(['ran']);
  });
});

describe('a full disk', () => {
  it('under the temporary folder fails the step with a sentence and reports the run', async () => {
    // A tmpfs of its own, mounted in a private namespace: nothing outside of it fills up.
    const script = [
      'set -e',
      'mount -t tmpfs -o size=256k tmpfs "$SMALL"',
      'dd if=/dev/zero of="$SMALL/filler" bs=1k count=240 2>/dev/null || true',
      'TMPDIR="$SMALL" "$NODE" "$CLI" run inner.yml --report inner.json || echo "inner exit $?"',
    ].join('\n');
    const inner = jobOf(
      `- { id: big, run: "printf '%0300000d' 0 > \\"$RUNNER_TEMP/big\\"" }\n- { id: next, if: always(), run: echo ran }`,
    );
    const run = await runWorkflow(
      jobOf(`- run: mkdir small\n- { id: s, run: 'unshare -m bash ./script.sh && cat inner.json' }`),
      {
        files: { 'script.sh': script, 'inner.yml': inner },
        env: {
          NODE: process.execPath,
          CLI,
          SMALL: 'small',
        },
      },
    );
    expect(run.log('s')).toContain('inner exit 1');
    expect(run.log('s')).toMatch(/No space left|disk|ENOSPC/);
    expect(run.log('s')).toContain('"conclusion": "failure"');
  });
});
