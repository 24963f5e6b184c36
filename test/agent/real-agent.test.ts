/** The whole agent, as its users start it: processes, folders and sockets are real, the server is a scripted one behind its own routes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { agentStatus, drainAgent } from '../../src/agent/agent-status.ts';
import { registerAgent } from '../../src/agent/register-agent.ts';
import { removeAgent } from '../../src/agent/remove-agent.ts';
import type { LossPolicy } from '../../src/protocol/attempt-state.ts';
import type { StepPlan } from '../../src/protocol/plan.ts';
import { mintToken } from '../../src/server/secrets/token.ts';
import { DIRECT } from '../support/direct-network.ts';
import { bg, fg, waitAll } from '../support/fake-job.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';
import { CLI } from '../support/run-workflow.ts';
import { openTestApi } from '../support/test-api.ts';
import { messageOf } from '../worker/job-harness.ts';
import { ScriptedServer } from './scripted-server.ts';

/** A server, and a runner that is registered with it; `start` starts an agent process. */
class Place {
  readonly root: string;
  readonly state: string;
  readonly server: ScriptedServer;
  readonly #marker = randomUUID();
  #agents: ChildProcess[] = [];
  output = '';
  url = '';
  stopServer: () => Promise<void> = () => Promise.resolve();

  private constructor(root: string, leaseMs: number) {
    this.root = root;
    this.state = join(root, 'state');
    this.server = new ScriptedServer(() => performance.now(), leaseMs);
    this.server.token = mintToken('session', randomBytes(32)).token;
    this.server.logIntervalMs = 50;
  }

  static async open(steps: readonly StepPlan[], leaseMs = 8_000): Promise<Place> {
    const place = new Place(await realpath(await mkdtemp(join(tmpdir(), 'paceline-agent-'))), leaseMs);
    places.push(place);
    place.server.message = { ...messageOf(steps, {}, ''), checkout: null };
    const api = await openTestApi({ agents: place.server.bound() });
    place.url = api.url;
    place.stopServer = () => api.stop();
    await mkdir(join(place.root, 'tmp'));
    await writeFile(join(place.root, 'runner.config.json'), JSON.stringify({ agent: { minFreeDiskMb: 0 } }));
    await registerAgent({
      server: api.url,
      token: mintToken('registration', randomBytes(32)).token,
      name: 'one',
      labels: ['gpu'],
      ephemeral: false,
      replace: false,
      stateDirectory: place.state,
      network: DIRECT,
    });
    return place;
  }

  start(): ChildProcess {
    const child = spawn(
      process.execPath,
      [CLI, 'agent', 'run', '--state', this.state, '--config', join(this.root, 'runner.config.json')],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TMPDIR: join(this.root, 'tmp'), [MARKER]: this.#marker },
      },
    );
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => (this.output += text.toString()));
    this.#agents.push(child);
    return child;
  }

  async startJob(id: string, policy: LossPolicy = 'at-most-once'): Promise<void> {
    this.server.offer(id, { policy });
    await this.server.until(() => this.server.at(id).texts.length > 1);
  }

  ended(id: string): Promise<void> {
    return this.server.until(() => this.server.at(id).state === 'finished');
  }

  /** Resolves when this is a line of a log; the script that prints it stands in the log before, and is none. */
  printed(id: string, line: string): Promise<void> {
    const has = (): boolean =>
      [...this.server.at(id).logs.values()].some((log) => log.toString().split('\n').includes(line));
    return this.server.until(has);
  }

  living(): ReturnType<typeof livingWith> {
    return livingWith(this.#marker);
  }

  async close(): Promise<void> {
    for (const child of this.#agents)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    for (const { pid } of await this.living()) process.kill(pid, 'SIGKILL');
    await this.stopServer();
    await rm(this.root, { recursive: true, force: true });
  }
}

const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.close();
});

/** A step that waits until the test makes a file. */
function until(path: string): string {
  return `until [ -e '${path}' ]; do sleep 0.02; done`;
}

describe('an agent of processes', () => {
  it('runs a job with background steps, and leaves no process and no secret', async () => {
    const place = await Place.open([bg('a', 'echo side $TOKEN'), fg('b', 'echo main; echo hunter2'), waitAll('c')]);
    const agent = place.start();
    await place.startJob('a1');
    await place.ended('a1');
    const steps = place.server.records('a1').filter(({ kind }) => kind === 'step');
    expect(steps.length).toBeGreaterThanOrEqual(6);
    expect(place.server.records('a1').at(-1)).toMatchObject({
      kind: 'job-finished',
      conclusion: 'success',
      lost: null,
    });
    await place.printed('a1', 'main');
    agent.kill('SIGTERM');
    const [code] = (await once(agent, 'exit')) as [number];
    expect([code, place.output]).toEqual([0, expect.stringMatching(/jobs had ended by themselves/)]);
    const logs = [...place.server.at('a1').logs.values()].join('');
    expect(logs).toContain('main\n');
    expect(logs).not.toContain('hunter2');
    for (const seal of place.server.records('a1').flatMap((record) => (record.kind === 'log-sealed' ? [record] : [])))
      expect(place.server.at('a1').logs.get(seal.step)?.length ?? 0).toBe(seal.length);
    expect(await place.living()).toEqual([]);
    expect(await contentsOf(place.state)).not.toContain('hunter2');
  });

  it('killed in the middle of a job and started again goes on with it, and nothing is lost', async () => {
    const place = await Place.open([fg('a', 'echo before'), fg('b', '')]);
    const gate = join(place.root, 'go');
    const steps = [
      bg('s', `${until(gate)}; echo side`),
      fg('b', `echo early; ${until(gate)}; echo late`),
      waitAll('c'),
    ];
    place.server.message = { ...place.server.message, job: { ...place.server.message.job, steps } };
    const first = place.start();
    await place.startJob('a1');
    await place.printed('a1', 'early');
    first.kill('SIGKILL');
    await once(first, 'exit');
    await writeFile(gate, '');
    place.server.endSession(null);
    place.start();
    await place.ended('a1');
    await place.printed('a1', 'late');
    await place.printed('a1', 'side');
    expect(place.server.records('a1').at(-1)).toMatchObject({ conclusion: 'success', lost: null });
    expect(place.server.at('a1').accepts).toBe(1);
  });

  it('speaks for a worker that was killed, and ends what that had started', async () => {
    const place = await Place.open([bg('a', 'sleep 1000'), bg('b', 'sleep 1000'), fg('c', 'echo up; sleep 1000')]);
    place.start();
    await place.startJob('a1');
    await place.printed('a1', 'up');
    const worker = (await place.living()).find(({ name }) => name.endsWith(' worker'));
    process.kill(worker!.pid, 'SIGKILL');
    await place.ended('a1');
    expect(place.server.records('a1').at(-1)).toMatchObject({ conclusion: 'failure', lost: 'worker-crashed' });
    expect((await place.living()).filter(({ name }) => name.includes('sleep'))).toEqual([]);
  });

  it('renews on time while a job takes every core many times over (actions/runner#3539)', async () => {
    const burn = 'for i in $(seq 20); do (while :; do :; done) & done; echo burning; sleep 6; kill $(jobs -p)';
    const leaseMs = 4_000;
    const place = await Place.open([fg('a', burn)], leaseMs);
    place.start();
    await place.startJob('a1', 'exclusive');
    await place.ended('a1');
    expect(place.server.records('a1').at(-1)).toMatchObject({ conclusion: 'success', lost: null });
    const syncs = place.server.calls.filter(({ call }) => call === 'sync').map(({ at }) => at);
    expect(Math.max(...syncs.slice(1).map((at, index) => at - syncs[index]!))).toBeLessThan(leaseMs);
  });

  it('that has died cannot end an exclusive job, so its worker does before the lease is over', async () => {
    const step = createServer();
    const leaseMs = 6_000;
    step.listen(0, '127.0.0.1');
    await once(step, 'listening');
    const { port } = step.address() as AddressInfo;
    const place = await Place.open([fg('a', `exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 1000`)], leaseMs);
    const connected = once(step, 'connection') as Promise<[Socket]>;
    const agent = place.start();
    await place.startJob('a1', 'exclusive');
    const [socket] = await connected;
    agent.kill('SIGKILL');
    const killedAt = performance.now();
    await once(socket.resume(), 'close');
    step.close();
    expect(performance.now() - killedAt).toBeLessThan(leaseMs);
    place.server.endSession(null);
    place.start();
    await place.ended('a1');
    expect(place.server.records('a1').at(-1)).toMatchObject({ conclusion: 'failure', reason: 'runner-lost' });
  });

  it('cancels a job when it is told to a second time to end, with its post steps run', async () => {
    const place = await Place.open([
      fg('a', 'trap "echo asked; exit 1" INT; echo up; for i in $(seq 10000); do sleep 0.05; done'),
      fg('b', 'echo always', { if: 'always()' }),
    ]);
    const agent = place.start();
    await place.startJob('a1');
    await place.printed('a1', 'up');
    agent.kill('SIGTERM');
    await place.server.until(() => place.server.drained > 0);
    agent.kill('SIGTERM');
    const [code] = (await once(agent, 'exit')) as [number];
    expect([code, place.output]).toEqual([3, expect.stringMatching(/jobs were cancelled/)]);
    expect(place.server.records('a1').at(-1)).toMatchObject({
      conclusion: 'failure',
      reason: 'agent-drained',
      lost: null,
    });
    expect([...place.server.at('a1').logs.values()].join('')).toContain('asked');
    expect(await place.living()).toEqual([]);
  });

  it('is alone on its folder, tells how it stands, and is drained and removed by its folder', async () => {
    const place = await Place.open([fg('a', 'true')]);
    expect(place.server.registered).toMatchObject({
      name: 'one',
      labels: ['self-hosted', 'Linux', expect.any(String), 'gpu'],
    });
    expect((await stat(join(place.state, 'runner.json'))).mode & 0o777).toBe(0o600);
    const agent = place.start();
    await place.server.until(() => place.server.polls.length > 0);
    expect(await agentStatus(place.state)).toMatchObject({ pid: agent.pid, registered: { runner: 'r1', name: 'one' } });
    const second = place.start();
    expect(((await once(second, 'exit')) as [number])[0]).toBe(2);
    expect(place.output).toMatch(/An agent runs in .* already/);
    const remove = { stateDirectory: place.state, local: false, force: false, network: DIRECT, version: '1.0.0' };
    await expect(removeAgent(remove)).rejects.toThrow('An agent runs in');
    const gone = once(agent, 'exit');
    expect(await drainAgent(place.state)).toBe(true);
    expect({ exit: await gone, said: place.output }).toMatchObject({ exit: [0, null] });
    expect(await agentStatus(place.state)).toMatchObject({ pid: null, status: { state: 'ended', jobs: [] } });
    expect(await removeAgent(remove)).toEqual({ name: 'one', server: place.url, isListed: false });
    expect(place.server.count('unregister')).toBe(1);
    expect((await agentStatus(place.state)).registered).toBeNull();
  });
});

async function contentsOf(folder: string): Promise<string> {
  const texts: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
  return texts.join('\n');
}
