/** config.sh, run.sh and config.sh remove against a real server. */
import { spawn } from 'node:child_process';
import { readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestAuthority } from '../support/certificates.ts';
import { ControlPlane } from '../support/control-plane.ts';
import { type Ended, runProgram, RunnerTree } from './runner-tree.ts';

const isRoot = process.getuid?.() === 0;

let tree: RunnerTree;
let plane: ControlPlane;
beforeAll(async () => {
  [tree, plane] = await Promise.all([RunnerTree.open(), ControlPlane.open()]);
  await plane.startServer();
}, 120_000);
afterAll(async () => {
  const left = await plane.close();
  await tree.close();
  expect(left).toEqual([]);
});

async function token(uses = 1): Promise<string> {
  const body = { name: 'runners', kind: 'registration', expiresSeconds: 600, uses };
  return (await plane.request<{ token: string }>('POST', '/v1/tokens', body)).token;
}

function config(folder: string, args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return runProgram(join(folder, 'config.sh'), args, environment);
}

/** As somebody does who writes a script. */
async function configured(folder: string, name: string, args: readonly string[] = []): Promise<void> {
  const environment = { PACELINE_TOKEN: await token() };
  const ended = await config(folder, ['--url', plane.url, '--name', name, '--unattended', ...args], environment);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
}

interface Listed {
  readonly name: string;
  readonly labels: readonly string[];
}

async function runners(): Promise<readonly Listed[]> {
  return (await plane.request<{ runners: Listed[] }>('GET', '/v1/runners')).runners;
}

describe('config.sh', () => {
  it('registers the runner, and keeps what a service will need', async () => {
    const folder = tree.copy();
    await writeFile(join(folder, '.env'), 'LANG=de_DE.UTF-8\nMINE=a b=c');
    const environment = { PACELINE_TOKEN: await token(), JAVA_HOME: '/opt/java', LANG: 'C.UTF-8', HTTP_PROXY: '' };
    const args = ['--url', `${plane.url}/`, '--name', 'first', '--labels', 'gpu,big', '--slots', '2', '--unattended'];
    const { code, stdout, stderr } = await config(folder, args, environment);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      `${folder} is the runner first now. ./run.sh takes jobs; sudo ./svc.sh install makes it a service.\n`,
    );
    expect(await readFile(join(folder, '.env'), 'utf8')).toBe('LANG=de_DE.UTF-8\nMINE=a b=c\nJAVA_HOME=/opt/java\n');
    expect(await readFile(join(folder, '.path'), 'utf8')).toBe(`${process.env.PATH}\n`);
    const written = JSON.parse(await readFile(join(folder, 'runner.config.json'), 'utf8')) as { $schema: string };
    expect(written).toMatchObject({ agent: { server: plane.url, slots: 2 } });
    // The schema that it names for editors is there.
    await realpath(join(folder, written.$schema));
    expect((await runners()).find(({ name }) => name === 'first')?.labels).toEqual(
      expect.arrayContaining(['self-hosted', 'gpu', 'big']),
    );
  });

  it('keeps by what it reached the server: certificates, and proxies without a password', async () => {
    const folder = tree.copy();
    const { certificate: ca } = (await TestAuthority.make(tree.directory, 'authority')).files;
    const proxies = {
      https_proxy: 'http://proxy.example:3128',
      HTTPS_PROXY: 'http://me:hunter@proxy.example',
      NO_PROXY: '*',
    };
    const environment = { PACELINE_TOKEN: await token(), PACELINE_CA_FILE: ca, ...proxies };
    const ended = await config(folder, ['--url', plane.url, '--name', 'by-proxy', '--unattended'], environment);
    expect(ended).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(join(folder, 'runner.config.json'), 'utf8'))).toMatchObject({
      agent: { caFile: ca },
    });
    const kept = await readFile(join(folder, '.env'), 'utf8');
    expect(kept).toBe('https_proxy=http://proxy.example:3128\nNO_PROXY=*\n');
  });

  it('takes the labels that it is given alone, and puts workspaces where it is told', async () => {
    const folder = tree.copy();
    await configured(folder, 'bare', ['--no-default-labels', '--labels', 'only', '--work', '../elsewhere']);
    expect((await runners()).find(({ name }) => name === 'bare')?.labels).toEqual(['only']);
    expect(await realpath(join(folder, '_state/work'))).toBe(join(tree.directory, 'elsewhere'));
  });

  it.each(['install-after-config', 'install-after-environment', 'install-after-keys', 'install-after-register'])(
    'goes on where a power cut at %s ended it, with the same token',
    async (failpoint) => {
      const folder = tree.copy();
      const args = ['--url', plane.url, '--name', failpoint, '--unattended'];
      const environment = { PACELINE_TOKEN: await token() };
      const cut = await config(folder, args, { ...environment, PACELINE_FAILPOINT: failpoint });
      expect(cut).toMatchObject({ signal: 'SIGKILL' });
      expect(await config(folder, args, environment)).toMatchObject({ code: 0, stderr: '' });
      expect((await runners()).filter(({ name }) => name === failpoint)).toHaveLength(1);
      expect((await readdir(join(folder, '_state'))).sort()).toEqual(['runner.json']);
    },
  );

  it('says in one sentence why it does nothing, and its exit code says of what kind it is', async () => {
    const folder = tree.copy();
    const refused = async (
      code: number,
      args: readonly string[],
      environment: Record<string, string> = {},
    ): Promise<string> => {
      const ended = await config(folder, args, environment);
      expect(ended).toMatchObject({ code, stdout: '' });
      expect(ended.stderr).toMatch(/^paceline: [^\n]+[.]\n$/);
      return ended.stderr.slice('paceline: '.length, -1);
    };
    const url = ['--url', plane.url, '--unattended'];
    const once = { PACELINE_TOKEN: await token() };
    expect(await refused(2, ['--unattended'], once)).toBe('No server is named: --url URL or PACELINE_SERVER does it.');
    expect(await refused(2, url)).toMatch(/^There is no registration token: PACELINE_TOKEN or --token-file gives it/);
    expect(await refused(2, [...url, '--token', 'plr_seen'])).toMatch(/^A token in an argument is seen by everybody/);
    expect(await refused(2, [...url, '--pat', 'x'])).toMatch(/^There are no personal access tokens/);
    expect(await refused(2, ['--url', 'https://github.com/acme/app', '--unattended'], once)).toMatch(/is GitHub's/);
    expect(await refused(2, [...url, '--no-default-labels'], once)).toMatch(/^A runner without labels gets no jobs/);
    expect(await refused(4, url, { PACELINE_TOKEN: 'plr_nobody' })).toMatch(/did not register the runner/);
    expect(await refused(4, ['--url', 'http://127.0.0.1:1', '--unattended'], once)).toMatch(/^http:\/\/127\.0\.0\.1:1/);

    // The token of a first runner is spent, and its name is taken.
    await config(tree.copy(), [...url, '--name', 'twice'], once);
    expect(await refused(4, [...url, '--name', 'third'], once)).toMatch(
      /used as often as it may be; `paceline tokens create NAME --kind registration` makes [^;]+\.$/,
    );
    const fresh = { PACELINE_TOKEN: await token() };
    expect(await refused(2, [...url, '--name', 'twice'], fresh)).toBe(
      'A runner named twice is registered; choose another name, or take it over by --replace.',
    );
    expect(await config(folder, [...url, '--name', 'twice', '--replace'], fresh)).toMatchObject({ code: 0 });
    expect(await refused(2, url, fresh)).toBe(
      `${folder} is the runner twice of ${plane.url} already; ./config.sh remove takes it off.`,
    );
  });

  it('that the server refuses leaves the folder as it was', async () => {
    const folder = tree.copy();
    await writeFile(join(folder, 'runner.config.json'), '{"agent":{"slots":2}}');
    const before = (await readdir(folder)).sort();
    const url = ['--url', plane.url, '--unattended', '--slots', '8'];
    expect(await config(folder, url, { PACELINE_TOKEN: 'plr_nobody' })).toMatchObject({ code: 4 });
    expect(await readFile(join(folder, 'runner.config.json'), 'utf8')).toBe('{"agent":{"slots":2}}');
    expect((await readdir(folder)).filter((name) => name !== '_state').sort()).toEqual(before);
    expect(await readdir(join(folder, '_state'))).toEqual([]);
  });

  it.each(['a/../b', '', '-x', 'x'.repeat(101)])('takes no name like %j, and asks for no token first', async (name) => {
    const { code, stderr } = await config(tree.copy(), ['--url', plane.url, '--name', name]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(`A runner cannot be called '${name}': a name has letters`),
    });
  });

  it('of several at once registers one, and says of which kind the others are', async () => {
    const folder = tree.copy();
    const environment = { PACELINE_TOKEN: await token(3) };
    const url = ['--url', plane.url, '--unattended', '--name', 'once'];
    const ended = await Promise.all([1, 2, 3].map(() => config(folder, url, environment)));
    expect(ended.map(({ code }) => code).sort()).toEqual([0, 2, 2]);
    for (const { stderr } of ended.filter(({ code }) => code !== 0))
      expect(stderr).toMatch(/is being registered in .* already|is the runner once of|is registered in .* already/);
  });

  (isRoot ? it : it.skip)('says to root, and run.sh too, that jobs would be root’s, unless that is meant', async () => {
    const folder = tree.copy();
    const unmeant = { RUNNER_ALLOW_RUNASROOT: '' };
    const url = ['--url', plane.url, '--unattended', '--name', 'of-root'];
    const ended = await config(folder, url, { ...unmeant, PACELINE_TOKEN: await token() });
    expect(ended).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Jobs of this runner run as root[^\n]+\.\n$/),
    });
    await plane.request('DELETE', '/v1/runners/of-root');
    const run = await runProgram(join(folder, 'run.sh'), [], unmeant);
    expect(run.stderr).toContain('Jobs of this runner run as root');
    expect((await runProgram(join(folder, 'run.sh'), [])).stderr).not.toContain('as root');
  });

  it('works in a folder of a runner alone', async () => {
    const folder = join(tree.directory, 'no runner');
    const command = join(tree.original, 'bin/paceline');
    expect(await runProgram(command, ['agent', 'configure', '--folder', folder])).toMatchObject({
      code: 2,
      stderr: `paceline: ${folder} is no folder of a runner: it has no bin/manifest.json.\n`,
    });
  });

  it('asks at a terminal for what is missing, and does not show the token', async () => {
    const folder = tree.copy();
    const secret = await token();
    const { output, code } = await atTerminal(join(folder, 'config.sh'), [
      ['Address of the server: ', plane.url],
      ['Registration token (not shown): ', secret],
      ['Name of the runner ', 'asked'],
      ['Labels, separated by commas: ', 'one, two'],
    ]);
    expect(code).toBe(0);
    expect(output).toContain('is the runner asked now.');
    expect(output).not.toContain(secret);
    expect((await runners()).find(({ name }) => name === 'asked')?.labels).toEqual(
      expect.arrayContaining(['one', 'two']),
    );
  });
});

describe('run.sh', () => {
  it('runs a job whose steps have .env, and no value of it stands in an argument or in what the agent says', async () => {
    const folder = tree.copy();
    await writeFile(join(folder, '.env'), 'DEPLOY_KEY=hunter=2\nEMPTY=\n\n# not a variable\n');
    await configured(folder, 'worker', ['--labels', 'here']);
    const agent = spawn(join(folder, 'run.sh'), [], {
      env: { PATH: process.env.PATH, HOME: tree.directory, EMPTY: 'from outside' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    agent.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    agent.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const exited = new Promise((resolve) => agent.once('exit', resolve));
    try {
      const script = [
        'test "$DEPLOY_KEY" = hunter=2 && test -z "${EMPTY+set}"',
        'test -z "$(env | grep -E "^(PACELINE_TOKEN|NOTIFY_SOCKET|WATCHDOG)")"',
        // Of every process of this machine that the job may look at.
        'seen=$(for file in /proc/[0-9]*/cmdline; do tr "\\0" " " <"$file" || true; echo; done 2>/dev/null | grep "hunter[=]2" || true)',
        'test -z "$seen"',
      ];
      const run = await plane.submit(
        JSON.stringify({ on: 'push', jobs: { a: { 'runs-on': 'here', steps: [{ run: script.join('\n') }] } } }),
      );
      expect((await plane.completed(run)).conclusion).toBe('success');
      const status = await runProgram(join(folder, 'bin/paceline'), ['agent', 'status', '--folder', folder, '--json']);
      expect(JSON.parse(status.stdout)).toMatchObject({ pid: agent.pid, registered: { name: 'worker' } });
    } finally {
      agent.kill('SIGTERM');
    }
    expect(await exited).toBe(0);
    expect(said).not.toContain('hunter');
  }, 60_000);
});

describe('config.sh remove', () => {
  it('takes the runner off its server and leaves what somebody wrote', async () => {
    const folder = tree.copy();
    await writeFile(join(folder, '.env'), 'MINE=1\n');
    await configured(folder, 'leaving');
    expect(await config(folder, ['remove'])).toMatchObject({ code: 0, stdout: `${folder} is no runner any more.\n` });
    expect((await runners()).map(({ name }) => name)).not.toContain('leaving');
    expect((await readdir(folder)).sort()).toEqual(
      ['.env', 'LICENSE', 'README.md', '_state', 'bin', 'config.sh', 'env.sh', 'run.sh', 'svc.sh', 'versions'].sort(),
    );
    expect(await readdir(join(folder, '_state'))).toEqual([]);
    expect(await config(folder, ['remove'])).toMatchObject({ code: 0 });
    await configured(folder, 'leaving');
  });

  it('is refused while a service is installed', async () => {
    const folder = tree.copy();
    await symlink('whatever', join(folder, '.service'));
    expect(await config(folder, ['remove'])).toMatchObject({
      code: 2,
      stderr: 'paceline: A service runs this runner: uninstall it first, by ./svc.sh uninstall.\n',
    });
  });
});

describe('env.sh', () => {
  it('takes what this shell has, beside what is there', async () => {
    const folder = tree.copy();
    await writeFile(join(folder, '.env'), 'LANG=C');
    expect(await runProgram(join(folder, 'env.sh'), [], { LANG: 'x', NVM_BIN: '/nvm' })).toMatchObject({ code: 0 });
    expect(await readFile(join(folder, '.env'), 'utf8')).toBe('LANG=C\nNVM_BIN=/nvm\n');
  });
});

/** Runs a program on a pseudo terminal, and types each answer when its question is there. */
async function atTerminal(
  command: string,
  answers: readonly (readonly [question: string, answer: string])[],
): Promise<{ readonly output: string; readonly code: number | null }> {
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', `'${command}'`, '/dev/null'], {
    env: { PATH: process.env.PATH, HOME: tree.directory, TERM: 'dumb', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = [...answers];
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (waiting[0] && output.includes(waiting[0][0])) child.stdin.write(`${waiting.shift()![1]}\r`);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.end();
  return { output, code };
}
