/** `scripts/start` and `paceline up`: a server and an agent in one process, and nothing left of them. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { livingWith, MARKER } from '../support/living-processes.ts';
import { CommandLine } from './command-line.ts';
import { Terminal } from './terminal.ts';

const START = fileURLToPath(new URL('../../scripts/start', import.meta.url));
const HELLO = 'name: Hello\non: push\njobs: { a: { runs-on: ubuntu-latest, steps: [ { run: echo hello } ] } }\n';
const FAILS = HELLO.replace('echo hello', 'exit 3');
const WAITS = HELLO.replace('echo hello', 'echo at work; sleep 600');

let line: CommandLine;
let marker: string;
beforeEach(async () => {
  line = await CommandLine.open({ 'hello.yml': HELLO, 'fails.yml': FAILS, 'waits.yml': WAITS });
  marker = randomUUID();
});
afterEach(async () => {
  const left = await livingWith(marker);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  // Fails when something is left in TMPDIR.
  await line.close();
  expect(left).toEqual([]);
});

describe('scripts/start --once', () => {
  it('runs the example with background steps on a server and an agent, and leaves nothing', async () => {
    const { exitCode, stdout, stderr } = await line.shell(`${START} --once`, [], { [MARKER]: marker });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Server {3}http:\/\/127\.0\.0\.1:\d+ /);
    expect(stdout).toContain('\ntest/Start the server | listening on port ');
    expect(stdout).toMatch(/\ntest\/Test against the server \| the server says: hello; tested version 1\.4\.0\n/);
    expect(stdout).toMatch(/✓ Side by side: success in \S+ \(1 job, \d+ steps\)\n$/);
    expect(exitCode).toBe(0);
  }, 60_000);
});

describe('paceline up', () => {
  it.each([
    ['hello.yml', 0],
    ['fails.yml', 1],
  ])('--once with %s exits with %i', async (file, code) => {
    const { exitCode } = await line.run(['up', file, '--once'], { [MARKER]: marker });
    expect(exitCode).toBe(code);
  });

  it('says what is wrong with a workflow before it starts anything', async () => {
    await line.write('broken.yml', 'on: push\njobs: []\n');
    const { exitCode, stdout, stderr } = await line.run(['up', 'broken.yml']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^broken\.yml:2:7: error: /);
    const absent = await line.run(['up', 'absent.yml']);
    expect(absent.exitCode).toBe(2);
    expect(absent.stderr).toMatch(/^paceline: 'absent\.yml' cannot be read: [^\n]*\n$/);
    expect(existsSync(join(line.workspace, '.paceline'))).toBe(false);
  });

  it('stays until Ctrl-C, serves commands given in its folder, and starts a second time with what it had', async () => {
    const size = { columns: 120, rows: 40 };
    const environment = { [MARKER]: marker };
    const first = new Terminal(line, ['up', 'hello.yml'], size, environment);
    await first.sent('Both stay until Ctrl-C.');
    const again = await line.run(['submit', 'fails.yml', '--watch'], environment);
    expect(again.stdout).toContain('a/Run exit 3 | ##[error]Process completed with exit code 3.');
    expect(again.exitCode).toBe(1);
    first.interrupt();
    expect(await first.exited).toBe(0);
    const folder = join(line.workspace, '.paceline');
    expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe('*\n');
    expect(await readdir(join(folder, 'server'))).not.toContain('address');

    const second = new Terminal(line, ['up', 'hello.yml'], size, environment);
    await second.sent('Both stay until Ctrl-C.');
    const { stdout } = await line.run(['runs', 'list'], environment);
    expect(
      stdout
        .split('\n')
        .slice(1, 4)
        .map((row) => row.split('\t').slice(0, 3)),
    ).toEqual([
      ['3', 'success', 'Hello'],
      ['2', 'failure', 'Hello'],
      ['1', 'success', 'Hello'],
    ]);
    second.interrupt();
    expect(await second.exited).toBe(0);
  }, 60_000);

  it('cancels what runs on Ctrl-C', async () => {
    const terminal = new Terminal(line, ['up', 'waits.yml'], { columns: 100, rows: 30 }, { [MARKER]: marker });
    await terminal.sent('at work');
    terminal.interrupt();
    expect(await terminal.exited).toBe(3);
    // What was drawn last is how it ended.
    expect(terminal.screen.lines.join('\n')).toMatch(/\n⊘ Hello: cancelled by user in /);
  }, 60_000);

  it('runs in a process that gets SIGTERM as it does with Ctrl-C', async () => {
    const script = 'exec "$NODE" "$CLI" up waits.yml --once';
    const child = spawn('bash', ['-c', script], {
      cwd: line.workspace,
      env: { ...line.environment, NODE: process.execPath, CLI: process.env.PACELINE_CLI ?? CLI, [MARKER]: marker },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise((resolve) => child.once('close', resolve));
    await new Promise<void>((resolve) => {
      let text = '';
      child.stdout.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        if (text.includes('| at work')) resolve();
      });
      void exited.then(() => resolve());
    });
    child.kill('SIGTERM');
    expect(await exited).toBe(3);
  }, 60_000);
});

const CLI = fileURLToPath(new URL('../../dist/paceline.js', import.meta.url));
