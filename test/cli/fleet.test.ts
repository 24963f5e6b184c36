/** Fleets by the command line: runners that are drained, removed, made for one job, grouped and scaled. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ControlPlane, type Running } from '../support/control-plane.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';
import { CLI } from '../support/run-workflow.ts';

const SCALER = fileURLToPath(new URL('../../examples/autoscale/scale-agents.mjs', import.meta.url));

let plane: ControlPlane;
let server: Running;
beforeAll(async () => {
  plane = await ControlPlane.open();
  server = await plane.startServer();
}, 60_000);
afterAll(async () => {
  expect(await plane.close()).toEqual([]);
}, 60_000);

async function paceline(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const running = plane.start(args, await client());
  let stdout = '';
  let stderr = '';
  running.child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  running.child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  await new Promise((resolve) => running.child.once('close', resolve));
  return { code: running.child.exitCode, stdout, stderr };
}

async function names(): Promise<readonly string[]> {
  return (JSON.parse((await paceline('runners', 'list', '--json')).stdout) as { name: string }[]).map(
    ({ name }) => name,
  );
}

/** Steps wait at it until the test lets them go on. */
interface Gate {
  readonly command: string;
  /** Resolves when so many have come. */
  reached(count: number): Promise<void>;
  /** Those that are there, and all that come later. */
  open(): void;
}

async function openGate(): Promise<Gate> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  plane.afterwards(() => server.close());
  const here: Socket[] = [];
  let isOpen = false;
  server.on('connection', (socket: Socket) => {
    here.push(socket);
    if (isOpen) socket.end('go\n');
  });
  return {
    command: `exec 3<>/dev/tcp/127.0.0.1/${(server.address() as AddressInfo).port}; read -r go <&3`,
    async reached(count) {
      while (here.length < count) await once(server, 'connection');
    },
    open() {
      isOpen = true;
      for (const socket of here) socket.end('go\n');
    },
  };
}

/** Where agents that are told nothing else keep what they have. */
const HERE = (): Record<string, string> => ({ XDG_STATE_HOME: join(plane.directory, 'state') });

async function client(): Promise<Record<string, string>> {
  const token = (await readFile(join(plane.dataDirectory, 'admin-token'), 'utf8')).trim();
  return { PACELINE_SERVER: plane.url, PACELINE_TOKEN: token };
}

/** Resolves when the agent has said so. */
async function said({ child, output }: Running, text: string): Promise<void> {
  while (!output().includes(text)) await once(child.stderr ?? child, 'data');
}

const JOB = (command: string): string =>
  `on: push\njobs:\n  job:\n    runs-on: self-hosted\n    steps: [{ run: '${command}' }]\n`;

describe('runners', () => {
  it('are drained from the server: what runs ends, then the agent, with 0', async () => {
    await plane.register('one');
    const agent = plane.startAgent('one');
    const gate = await openGate();
    const run = await plane.submit(JOB(gate.command));
    await gate.reached(1);
    expect((await paceline('runners', 'remove', 'one')).stderr).toMatch(/The runner one has a job; drain it first/);
    expect(await paceline('runners', 'drain', 'one')).toMatchObject({
      code: 0,
      stdout: 'Runner one ends when what it has has ended.\n',
    });
    gate.open();
    expect((await plane.completed(run)).conclusion).toBe('success');
    expect(await agent.exited).toEqual({ code: 0, signal: null });
    expect(agent.output()).toContain('its server said so: it was drained there');
  }, 60_000);

  it('are taken off the list by the machine that was one', async () => {
    const state = ['--state', plane.stateOf('one')];
    expect(await names()).toEqual(['one']);
    const removed = await paceline('agent', 'remove', ...state);
    expect(removed).toMatchObject({ code: 0, stdout: `The runner one in ${plane.stateOf('one')} is removed.\n` });
    expect(await names()).toEqual([]);
    expect((await paceline('agent', 'remove', ...state)).stdout).toMatch(/^What was left in /);
  }, 60_000);
});

describe('a runner for one job', () => {
  it('registers by its configuration, runs one job, and leaves nothing, here and there', async () => {
    const jit = await paceline('runners', 'jit', '--name', 'once', '--labels', 'jit-label', '--json');
    const { config } = JSON.parse(jit.stdout) as { config: string };
    const run = await plane.submit(JOB('env; cat /proc/$PPID/cmdline').replace('self-hosted', 'jit-label'));
    const agent = plane.start(['agent', 'run'], { ...HERE(), PACELINE_JIT_CONFIG: config });
    expect(await agent.exited).toEqual({ code: 0, signal: null });
    expect(agent.output()).toContain('ended after its one job');
    expect((await plane.show(run)).jobs[0]).toMatchObject({ conclusion: 'success', runner: 'once' });
    const log = await plane.log(run, 'job', 2);
    expect(log).toContain('PATH=');
    expect(log).not.toContain('PACELINE_JIT_CONFIG');
    expect(log).not.toContain(config.slice(0, 20));
    expect(await names()).toEqual([]);
    expect(existsSync(join(plane.directory, 'state/paceline/agent/jit/once'))).toBe(false);

    const again = plane.start(['agent', 'run'], { ...HERE(), PACELINE_JIT_CONFIG: config });
    expect((await again.exited).code).toBe(4);
    expect(again.output()).toBe(
      `paceline: ${plane.url} did not register the runner: this configuration was used, and is good for one runner; \`paceline runners jit\` makes another.\n`,
    );
  }, 60_000);

  it('goes on as the same after a kill, and is gone when it is drained before its job', async () => {
    const file = join(plane.directory, 'jit');
    await writeFile(file, (await paceline('runners', 'jit', '--name', 'killed')).stdout, { mode: 0o600 });
    const first = plane.start(['agent', 'run', '--jit-file', file], HERE());
    await said(first, 'takes jobs');
    first.kill('SIGKILL');
    await first.exited;
    const second = plane.start(['agent', 'run', '--jit-file', file], HERE());
    await said(second, 'takes jobs');
    second.kill('SIGTERM');
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(await names()).toEqual([]);
  }, 60_000);

  it('is made of a whole configuration', async () => {
    await writeFile(join(plane.directory, 'cut'), 'eyJ2ZXJzaW9uIjox');
    const cut = await paceline('agent', 'run', '--jit-file', join(plane.directory, 'cut'));
    expect(cut).toMatchObject({
      code: 2,
      stderr: 'paceline: This is no configuration of `paceline runners jit`, or not the whole of one.\n',
    });
  }, 60_000);
});

describe('groups', () => {
  it('say who may use which runners, and a job that waits for one says so', async () => {
    expect((await paceline('groups', 'set', 'deploy', '--repositories', 'acme/site')).stdout).toBe(
      'The group deploy is trusted, for acme/site.\n',
    );
    const listed = (await paceline('groups', 'list')).stdout;
    expect(listed).toMatch(/^default\ttrusted\t\d\t\*$/m);
    expect(listed).toMatch(/^deploy\ttrusted\t0\tacme\/site$/m);
    expect((await paceline('groups', 'remove', 'deploy')).code).toBe(0);
    expect((await paceline('tokens', 'create', 'x', '--kind', 'registration', '--group', 'deploy')).stderr).toBe(
      'paceline: There is no group of runners deploy.\n',
    );
  }, 60_000);
});

describe('a pool', () => {
  it('is scaled by what it needs: jobs run on agents made for them, and nothing is left', async () => {
    const gate = await openGate();
    const runs: number[] = [];
    // What the environment of whatever is above it says can be read by a job.
    const above =
      'p=$PPID; while [ $p -gt 1 ]; do tr "\\0" "\\n" < /proc/$p/environ; p=$(cut -d" " -f4 /proc/$p/stat); done';
    for (let count = 0; count < 2; count++) runs.push(await plane.submit(JOB(`${above}; ${gate.command}`)));
    const other = await plane.submit(JOB('true').replace('self-hosted', 'other-label'));
    const { stdout } = await paceline('pools', 'demand', 'default', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ queued: 3, running: 0, starting: 0, wanted: 3 });
    const scopes = ['--scopes', 'runners:read,runners:jit', '--group', 'default'];
    const token = join(plane.directory, 'scaler.token');
    await writeFile(token, (await paceline('tokens', 'create', 'scaler', ...scopes)).stdout, { mode: 0o600 });
    const marker = randomUUID();
    const scaler = spawn(process.execPath, [SCALER, '--max', '3', '--server', plane.url, '--token-file', token], {
      env: { ...process.env, ...HERE(), PACELINE: `${process.execPath} ${CLI}`, [MARKER]: marker },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    scaler.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const ended = once(scaler, 'close');
    try {
      await gate.reached(2);
      gate.open();
      for (const run of runs) {
        expect((await plane.completed(run)).conclusion).toBe('success');
        const log = await plane.log(run, 'job', 2);
        expect(log).toContain(`${MARKER}=${marker}`);
        expect(log).not.toContain('pcl_');
      }
      expect(said).toContain('2 agents');
      expect(said).not.toContain('3 agents');
    } finally {
      scaler.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    expect(await livingWith(marker)).toEqual([]);
    expect(await names()).toEqual([]);
    expect(await readdir(join(plane.directory, 'state/paceline/agent/jit'))).toEqual([]);
    await paceline('runs', 'cancel', String(other));
    await plane.completed(other);
    const after = JSON.parse((await paceline('pools', 'demand', 'default', '--json')).stdout) as object;
    expect(after).toMatchObject({ queued: 0, running: 0, starting: 0, wanted: 0 });
  }, 120_000);
});

describe('an agent whose server is away', () => {
  it('is removed from its machine alone, when that is said', async () => {
    await plane.register('two');
    server.kill('SIGTERM');
    await server.exited;
    const state = ['--state', plane.stateOf('two')];
    const refused = await paceline('agent', 'remove', ...state);
    expect(refused).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/--local removes the agent from this machine alone\.\n$/),
    });
    expect((await paceline('agent', 'remove', '--local', ...state)).stdout).toBe(
      `The runner two in ${plane.stateOf('two')} is removed; ${plane.url} was not told: \`paceline runners remove two\` takes it off its list.\n`,
    );
  }, 60_000);
});
