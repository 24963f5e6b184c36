/** Fleets by the command line: runners that are drained, removed, made for one job, grouped and scaled. */
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ControlPlane, type Running } from '../support/control-plane.ts';

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
  const running = plane.start(args, {
    PACELINE_SERVER: plane.url,
    PACELINE_TOKEN: (await readFile(join(plane.dataDirectory, 'admin-token'), 'utf8')).trim(),
  });
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

/** A step waits at it until the test lets it go on. */
async function openGate(): Promise<{ readonly command: string; readonly reached: Promise<() => void> }> {
  const gate = createServer();
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const reached = once(gate, 'connection').then(([socket]: Socket[]) => {
    gate.close();
    return () => void socket?.end('go\n');
  });
  return { command: `exec 3<>/dev/tcp/127.0.0.1/${(gate.address() as AddressInfo).port}; read -r go <&3`, reached };
}

const JOB = (command: string): string =>
  `on: push\njobs:\n  job:\n    runs-on: self-hosted\n    steps: [{ run: '${command}' }]\n`;

describe('runners', () => {
  it('are drained from the server: what runs ends, then the agent, with 0', async () => {
    await plane.register('one');
    const agent = plane.startAgent('one');
    const gate = await openGate();
    const run = await plane.submit(JOB(gate.command));
    const goOn = await gate.reached;
    expect((await paceline('runners', 'remove', 'one')).stderr).toMatch(/The runner one has a job; drain it first/);
    expect(await paceline('runners', 'drain', 'one')).toMatchObject({
      code: 0,
      stdout: 'Runner one ends when what it has has ended.\n',
    });
    goOn();
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
