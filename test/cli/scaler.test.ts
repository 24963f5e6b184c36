/** The example of an autoscaler, with a command in place of `paceline` that does what the test says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { runnerLabels } from '../../src/agent/runner-labels.ts';

const SCALER = fileURLToPath(new URL('../../examples/autoscale/scale-agents.mjs', import.meta.url));
/** Says what it was started with, then prints what it is told until it is cut. */
const COMMAND = `import { connect } from 'node:net';
const socket = connect(Number(process.env.DESK_PORT), '127.0.0.1');
const { env, argv: [, , ...args] } = process;
socket.write(JSON.stringify({ args, env, uid: process.getuid(), groups: process.getgroups() }) + '\\n');
socket.pipe(process.stdout);
process.on('SIGTERM', () => socket.destroy());
`;

interface Start {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly groups: readonly number[];
}

/** Another account can be taken by root alone. */
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const OTHER = { name: 'daemon', uid: 1, groups: [1] };

it('starts as many agents as are wanted and allowed, of another account and without a token', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paceline-scaler-'));
  await chmod(folder, 0o755);
  const script = join(folder, 'command.mjs');
  await writeFile(script, COMMAND, { mode: 0o644 });
  const starts: Start[] = [];
  const desk = createServer();
  const answer = async (socket: Socket): Promise<void> => {
    let line = '';
    while (!line.endsWith('\n')) line += String((await once(socket, 'data'))[0]);
    const start = JSON.parse(line) as Start;
    starts.push(start);
    const [what] = start.args;
    if (what === 'pools') socket.end('{"wanted":5}');
    if (what === 'runners') socket.end('configuration');
    desk.emit('started');
  };
  desk.on('connection', (socket: Socket) => void answer(socket));
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  const options = ['--max', '2', '--labels', 'gpu', '--group', 'big', '--token-file', '/secret'];
  const scaler = spawn(process.execPath, [SCALER, ...options, ...(isRoot ? ['--user', OTHER.name] : [])], {
    env: {
      ...{ PATH: process.env.PATH, DESK_PORT: String((desk.address() as AddressInfo).port) },
      ...{ PACELINE: `${process.execPath} ${script}`, PACELINE_TOKEN: 'pcl_secret', PACELINE_SERVER: 'http://x' },
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  scaler.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const ended = once(scaler, 'close');
  const died = ended.then(() => Promise.reject(new Error(said)));
  died.catch(() => undefined);
  try {
    const agents = (): Start[] => starts.filter(({ args }) => args[0] === 'agent');
    while (agents().length < 2) await Promise.race([once(desk, 'started'), died]);
    const labels = runnerLabels(process.platform, process.arch, ['gpu']).join(',');
    expect(starts[0]?.args).toEqual([
      'pools',
      'demand',
      'big',
      '--labels',
      labels,
      '--json',
      '--token-file',
      '/secret',
    ]);
    for (const { args, env, uid, groups } of agents()) {
      expect(args).toEqual(['agent', 'run', '--slots', '1', '--jit-file', '-']);
      expect(Object.keys(env)).not.toContain('PACELINE_TOKEN');
      expect(Object.keys(env)).not.toContain('PACELINE_SERVER');
      expect(env.DESK_PORT).toBeDefined();
      if (isRoot) expect({ uid, groups, name: env.USER }).toEqual(OTHER);
    }
  } finally {
    scaler.kill('SIGTERM');
    await ended;
    desk.close();
    await rm(folder, { recursive: true });
  }
  expect(said).toContain('2 agents');
  expect(said).not.toContain('3 agents');
  expect(said).toContain('PACELINE_TOKEN is in the environment of this program');
});
