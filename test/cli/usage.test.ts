import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CommandLine } from './command-line.ts';

const HELLO = 'on: push\njobs: { a: { runs-on: x, steps: [ { run: echo hello } ] } }\n';

let line: CommandLine;
beforeAll(async () => {
  line = await CommandLine.open({
    'w.yml': HELLO,
    'two/.github/workflows/a.yml': HELLO,
    'two/.github/workflows/b.yaml': HELLO,
    'calls.yml': 'on: push\njobs: { a: { uses: o/r/.github/workflows/w.yml@v1 } }\n',
    'one/.github/workflows/only.yml': HELLO.replace('hello', 'the only one'),
    'flat/action.yml': 'runs: { using: composite, steps: [] }',
    'flat/w.yml': HELLO,
    'empty/.keep': '',
    'bad.json': '{ "a": 1',
    'list.json': '[1]',
    'bad.env': 'A=1\nthis is not it\n',
    'open.env': 'A="never closed\n',
    'config.json': '{ "maxBackgroud": 3 }',
  });
});
afterAll(() => line.close());

describe('help and version', () => {
  it('the version is that of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await line.run(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([[['--help']], [['run', '--help']], [['lint', '--help']]])('%j explains with an example', async (args) => {
    const { exitCode, stdout, stderr } = await line.run(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Examples?:\n {2}paceline (run|lint) \S+/);
    expect(stdout).toContain('Exit codes: 0');
  });

  it('without a command the help says what there is', async () => {
    const { exitCode, stdout, stderr } = await line.run([]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: paceline');
  });
});

describe('what is asked for and cannot be', () => {
  it.each([
    [['--nope'], /unknown option '--nope'/],
    [['runn', 'w.yml'], /unknown command 'runn'/],
    [['run', 'w.yml', '--nope'], /unknown option '--nope'/],
    [['run', 'w.yml', 'x.yml'], /too many arguments/],
    [['run', 'w.yml', '--jobs', '0'], /--jobs <n>' argument '0' is invalid. Expected a whole number from 1/],
    [['run', 'w.yml', '--max-background', 'many'], /argument 'many' is invalid/],
    [['run', 'w.yml', '--event'], /argument missing/],
    [['run', 'w.yml', '--event', 'psuh'], /no event 'psuh'; did you mean `push`\?/],
    [['run', 'w.yml', '--event-path', 'none.json'], /--event-path cannot be read: ENOENT/],
    [['run', 'w.yml', '--event-path', 'bad.json'], /bad\.json is not JSON/],
    [['run', 'w.yml', '--event-path', 'list.json'], /does not hold a JSON object/],
    [['run', 'w.yml', '--job', 'b'], /no job 'b'; it has 'a'/],
    [['run', 'w.yml', '--input', 'a=b'], /no input 'a'; it has none/],
    [['run', 'w.yml', '--input', 'a'], /--input takes NAME=VALUE, but there is no '='/],
    [['run', 'w.yml', '--var', '=b'], /--var takes NAME=VALUE, but there is nothing before '='/],
    [['run', 'w.yml', '--matrix', 'os'], /--matrix takes NAME:VALUE/],
    [['run', 'w.yml', '--secret', 'MISSING'], /MISSING is not set/],
    [['run', 'w.yml', '--secret-file', 'none.env'], /no file 'none\.env'/],
    [['run', 'w.yml', '--secret-file', 'empty'], /--secret-file cannot be read: EISDIR/],
    [['run', 'w.yml', '--secret-file', 'bad.env'], /bad\.env:2: expected NAME=VALUE/],
    [['run', 'w.yml', '--secret-file', 'open.env'], /open\.env:1: the quote that opens here is never closed/],
    [['run', 'w.yml', '--workspace', 'none'], /workspace 'none' is not a folder/],
    [['run', 'w.yml', '--config', 'none.json'], /no configuration file/],
    [['run', 'w.yml', '--report', 'w.yml/report.json'], /--report .* cannot be written/],
    [['run', 'w.yml', '--report', '.'], /--report .* cannot be written: it is a folder/],
    [['run', 'w.yml', '--events', '/'], /--events \/ cannot be written/],
    [['run', 'w.yml', '--log-dir', 'w.yml'], /--log-dir .* cannot be written/],
    [['run', 'none.yml'], /There is no file '.*none\.yml'/],
    [['run', 'two'], /'two' has 2 workflows; name one of them: .*a\.yml, .*b\.yaml/],
    [['run', 'empty'], /There is no workflow in 'empty'/],
    [['lint', 'none.yml'], /There is no file/],
    [['lint', 'w.yml', '--format', 'xml'], /Allowed choices are people, json, sarif/],
  ])('%j: exit 2 and one sentence', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await line.run(args);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^paceline: [^\n]+\n(\(Did you mean .*\)\n)?$/);
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  it('a secret that is not understood is not repeated', async () => {
    const { stderr } = await line.run(['run', 'w.yml', '--secret', '=hunter2']);
    expect(stderr).toMatch(/nothing before '='/);
    expect(stderr).not.toContain('hunter2');
  });

  it('a wrong configuration is shown with its place', async () => {
    const { exitCode, stderr } = await line.run(['run', 'w.yml', '--config', 'config.json']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/config\.json:1:3: error: Unknown key 'maxBackgroud'/);
  });
});

describe('a place that is not there', () => {
  it('a current folder that was removed is told as what it is', async () => {
    const ended = await line.shell('mkdir gone; cd gone; rmdir ../gone; "$NODE" "$CLI" run w.yml');
    expect(ended).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'paceline: The current folder does not exist any more.\n',
    });
  });

  it('a temporary folder that is missing is a sentence', async () => {
    const ended = await line.run(['run', 'w.yml'], { TMPDIR: '/nonexistent' });
    expect(ended.exitCode).toBe(2);
    expect(ended.stderr).toMatch(/^paceline: No temporary folder can be made: ENOENT[^\n]*\n$/);
  });

  it.each(['>&-', '2>&-', '>/dev/full'])('a run goes on with %s', async (redirection) => {
    const { exitCode } = await line.shell(
      `"$NODE" "$CLI" run w.yml --report r.json ${redirection}; code=$?; grep -q success r.json && exit $code`,
    );
    expect(exitCode).toBe(0);
  });
});

describe('which workflow runs', () => {
  it.each([
    ['one', 'the only one'],
    ['flat', 'hello'],
  ])('the only one of the folder %s', async (folder, printed) => {
    const { exitCode, stdout } = await line.run(['run', folder]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`| ${printed}\n`);
  });
});

describe('a fault of our own', () => {
  // A package that is loaded when something is fetched, and is not there any more.
  it('says so in a sentence, with the stack for who asks, and exits with 70', async () => {
    const script = 'cp -r "$(dirname "$CLI")" dist && rm dist/undici-*.js && "$NODE" dist/paceline.js run calls.yml';
    const plain = await line.shell(script);
    expect(plain.exitCode).toBe(70);
    expect(plain.stderr).toMatch(
      /^paceline: internal error: Cannot find module [^\n]*\. This is a bug in Paceline \d+\.\d+\.\d+\.\n[^\n]*PACELINE_LOG=debug[^\n]*\n$/,
    );
    const debug = await line.shell(`rm -r dist; ${script}`, [], { PACELINE_LOG: 'debug' });
    expect(debug.exitCode).toBe(70);
    expect(debug.stderr).toMatch(/\n {4}at /);
  });
});
