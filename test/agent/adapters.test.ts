/** What the agent is made of where it meets the machine: real files, real processes, real sockets. */
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AttemptMeta } from '../../src/agent/agent-ports.ts';
import { allowsRepository } from '../../src/agent/allow-list.ts';
import { openAttemptFolders } from '../../src/agent/attempt-folders.ts';
import { checkHealth } from '../../src/agent/check-health.ts';
import { keysOf, makeKeys, readIdentity, writeIdentity } from '../../src/agent/identity.ts';
import { machineId } from '../../src/agent/machine-id.ts';
import { runnerLabels } from '../../src/agent/runner-labels.ts';
import { workerProcesses } from '../../src/agent/worker-processes.ts';
import { WorkerConnection } from '../../src/agent/worker-connection.ts';
import { workspaceFolder } from '../../src/agent/workspace-folder.ts';
import { DEFAULT_RUNNER_CONFIG } from '../../src/config/runner-config.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import { seal } from '../../src/kernel/sealed-box.ts';
import { finishRecord, stepRecord } from './messages.ts';

let root = '';
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-adapters-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const META: AttemptMeta = {
  attempt: 'a1',
  fence: 3,
  jobId: 'a1-3',
  run: 7,
  job: 'build',
  policy: 'at-most-once',
  slot: 0,
  state: 'starting',
  worker: { pid: 1, startTime: '1', bootId: 'b', socketPath: '/s' },
  incarnation: null,
  over: null,
};
const STARTED = { kind: 'job-started', at: '2026-01-01T00:00:00.000Z' } as const;

describe('folders of attempts', () => {
  it('are found again with their meta, their records and their logs', async () => {
    const folder = await (await openAttemptFolders(join(root, 'attempts'), systemClock, SILENT_LOG)).create(META);
    await folder.append([STARTED, stepRecord(1, 'completed')]);
    await folder.update({ ...META, state: 'started' });
    await writeFile(join(folder.directory, 'logs', '1.log'), 'hello\n');
    const [found] = await (await openAttemptFolders(join(root, 'attempts'), systemClock, SILENT_LOG)).list();
    expect(found?.meta).toEqual({ ...META, state: 'started' });
    expect(await found?.journalEnd()).toEqual(await folder.journalEnd());
    expect((await found?.journalEnd())?.seq).toBe(2);
    expect((await found?.read(1, 2, 1))?.records).toEqual([JSON.stringify(STARTED)]);
    expect((await found?.read(2, 2, 1_000_000))?.records).toEqual([JSON.stringify(stepRecord(1, 'completed'))]);
    expect(await found?.logs()).toEqual([{ step: 1, length: 6 }]);
    expect(Buffer.from((await found?.readLog(1, 2, 100)) ?? []).toString()).toBe('llo\n');
    expect((await stat(folder.directory)).mode & 0o777).toBe(0o700);
  });

  it('without meta are what a crash left before anything was accepted: they are removed', async () => {
    const attempts = join(root, 'attempts');
    await mkdir(join(attempts, 'a1.1'), { recursive: true });
    await writeFile(join(attempts, 'a1.1', 'worker.stderr'), '');
    await mkdir(join(attempts, 'a2.2'));
    await writeFile(join(attempts, 'a2.2', 'attempt.json'), '{"attempt":"a');
    expect(await (await openAttemptFolders(attempts, systemClock, SILENT_LOG)).list()).toEqual([]);
    await expect(stat(join(attempts, 'a1.1'))).rejects.toThrow('ENOENT');
  });

  it('keep the last of several changes', async () => {
    const store = await openAttemptFolders(root, systemClock, SILENT_LOG);
    const folder = await store.create(META);
    await Promise.all([
      folder.update({ ...META, state: 'started' }),
      folder.update({ ...META, state: 'done', over: 5 }),
    ]);
    expect((await store.list())[0]?.meta).toMatchObject({ state: 'done', over: 5 });
  });

  it('take up a journal that was torn at its end', async () => {
    const folder = await (await openAttemptFolders(root, systemClock, SILENT_LOG)).create(META);
    await folder.append([STARTED, stepRecord(1, 'running')]);
    const path = join(folder.directory, 'journal');
    const bytes = await readFile(path);
    bytes.fill(0, bytes.indexOf('running'), bytes.indexOf('running') + 3);
    await writeFile(path, bytes);
    expect((await folder.journalEnd()).seq).toBe(1);
    expect(await folder.append([finishRecord()])).toMatchObject({ seq: 2, finished: true });
  });
});

describe('health', () => {
  const options = { minFreeBytes: 0, script: null, environment: { PATH: process.env['PATH'] ?? '' } };
  const script = async (text: string): Promise<string> => {
    const path = join(root, 'health');
    await writeFile(path, `#!/bin/sh\n${text}\n`);
    await chmod(path, 0o755);
    return path;
  };

  it('is good with room on the disk and a script that ends with 0', async () => {
    expect(await checkHealth({ ...options, directory: root })).toBeNull();
    expect(await checkHealth({ ...options, directory: root, script: await script('exit 0') })).toBeNull();
  });

  it('is bad without, and says why', async () => {
    const full = await checkHealth({ ...options, directory: root, minFreeBytes: 2 ** 60 });
    expect(full).toMatchObject({
      kind: 'disk',
      message: expect.stringMatching(/MB free, less than .* \(agent\.minFreeDiskMb\)/),
    });
    const failed = await checkHealth({ ...options, directory: root, script: await script('exit 3') });
    expect(failed).toMatchObject({ kind: 'script', message: expect.stringMatching(/ended with 3/) });
    const told = await script('echo looking; echo "the GPU is hot" >&2; sleep 600 & exit 4');
    const hot = await checkHealth({ ...options, directory: root, script: told });
    expect(hot?.message).toMatch(/ended with 4: the GPU is hot$/);
    const missing = await checkHealth({ ...options, directory: root, script: join(root, 'nowhere') });
    expect(missing).toMatchObject({ kind: 'script', message: expect.stringMatching(/cannot be started/) });
    expect(await checkHealth({ ...options, directory: join(root, 'nowhere') })).toMatchObject({ kind: 'disk' });
  });
});

describe('the identity of a runner', () => {
  it('signs what its public key confirms, and opens what was sealed to it', async () => {
    const { publicKey, sealKey, ...keys } = makeKeys();
    const identity = { server: 'http://s', runner: 'r', name: 'n', labels: ['x'], ephemeral: false, ...keys };
    await writeIdentity(root, identity);
    expect((await stat(join(root, 'runner.json'))).mode & 0o777).toBe(0o600);
    const read = await readIdentity(root);
    expect(read).toEqual(identity);
    const own = keysOf(read!);
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    expect(verify(null, Buffer.from('text'), key, Buffer.from(own.sign('text'), 'base64'))).toBe(true);
    expect(own.unseal(seal('secret', sealKey, 'a1'), 'a1')).toBe('secret');
    expect(() => own.unseal(seal('secret', sealKey, 'a1'), 'a2')).toThrow();
  });

  it('is none where there is no file, and a problem without a word of it where that is damaged', async () => {
    expect(await readIdentity(root)).toBeNull();
    await writeFile(join(root, 'runner.json'), '{"signingKey": "hunter2');
    const problem: unknown = await readIdentity(root).catch((error: unknown) => error);
    expect(String(problem)).toMatch(/are damaged: .* then register the runner again/);
    expect(String(problem)).not.toContain('hunter2');
  });

  it('has a machine whose id stays', async () => {
    expect(await machineId()).toMatch(/^[0-9a-f-]{32,36}$/);
  });
});

describe('the connection to a worker', () => {
  const listen = async (path: string): Promise<{ socket: Promise<Socket>; close: () => void }> => {
    const server = createServer();
    const socket = once(server, 'connection').then(([connected]) => connected as Socket);
    server.listen(path);
    await once(server, 'listening');
    return { socket, close: () => void server.close() };
  };

  it('waits for the socket, says what is to be said, and hears levels', async () => {
    const path = join(root, 'w.sock');
    const connection = new WorkerConnection(path, systemClock);
    connection.send({ kind: 'cancel', cause: 'user' });
    const { socket, close } = await listen(path);
    const worker = await socket;
    const [heard] = (await once(worker, 'data')) as [Buffer];
    expect(heard.toString()).toBe('{"kind":"cancel","cause":"user"}\n');
    const told = new Promise<void>((resolve) => connection.onProgress(resolve));
    worker.write('{"kind":"journal","seq":4}\n{"kind":"log","step":2,"length":10}\nnot JSON\n{"kind":"jour');
    await told;
    expect([connection.seq, connection.logs.get(2)]).toEqual([4, 10]);
    worker.end();
    await connection.close();
    close();
  });

  it('is made again when it breaks, and says again what stands', async () => {
    const path = join(root, 'w.sock');
    const first = await listen(path);
    const connection = new WorkerConnection(path, systemClock);
    connection.send({ kind: 'kill' });
    const one = await first.socket;
    await once(one, 'data');
    first.close();
    one.destroy();
    await rm(path, { force: true });
    const second = await listen(path);
    const [heard] = (await once(await second.socket, 'data')) as [Buffer];
    expect(heard.toString()).toBe('{"kind":"kill"}\n');
    (await second.socket).end();
    await connection.close();
    second.close();
  });
});

describe('workers', () => {
  const launcher = (script: string): ReturnType<typeof workerProcesses> =>
    workerProcesses({
      command: process.execPath,
      args: ['-e', script, '--'],
      environment: { PATH: process.env['PATH'] ?? '' },
      attempts: join(root, 'attempts'),
      stateDirectory: root,
      runtimeDirectory: join(root, 'run'),
      config: DEFAULT_RUNNER_CONFIG,
      clock: systemClock,
      log: SILENT_LOG,
    });
  const place = { jobId: 'a1-1', attempt: 'a1', fence: 1 };
  const READ = "const t = require('fs').readFileSync(3, 'utf8');";

  it('get the order over a descriptor, with nothing of it in their arguments', async () => {
    const waiting = await launcher(`${READ} require('fs').writeFileSync('got', t + process.argv.slice(1))`).spawn(
      place,
    );
    const order = { jobId: 'a1-1', message: { secret: 'hunter2' }, repository: 'octo/app', slot: 1 };
    const handle = await waiting.begin(order as never);
    await handle.exited;
    const got = await readFile(join(root, 'got'), 'utf8');
    expect(got).toMatch(/worker$/);
    expect(JSON.parse(got.slice(0, got.lastIndexOf('}') + 1))).toMatchObject({
      jobId: 'a1-1',
      message: { secret: 'hunter2' },
      attemptDirectory: join(root, 'attempts', 'a1.1'),
      workspace: join(root, 'work', '1', 'octo', 'app'),
      tempRoot: join(root, 'temp', 'a1-1'),
      clean: 'job',
    });
  });

  it('that are not needed end without an order, and leave no folder', async () => {
    const workers = launcher(`${READ} process.exit(t === '' ? 0 : 1)`);
    const waiting = await workers.spawn(place);
    const handle = await workers.reattach(waiting.identity);
    waiting.dismiss();
    await handle?.exited;
    expect(await workers.reattach(waiting.identity)).toBeNull();
  });

  it('are found again by pid and start, not by pid alone or after another boot', async () => {
    const workers = launcher(`${READ} setInterval(() => {}, 1000)`);
    const waiting = await workers.spawn(place);
    const { identity } = waiting;
    expect(await workers.reattach({ ...identity, startTime: '1' })).toBeNull();
    expect(await workers.reattach({ ...identity, bootId: 'another' })).toBeNull();
    const found = await workers.reattach(identity);
    found?.kill();
    await found?.exited;
    expect(await workers.reattach(identity)).toBeNull();
  });

  it('that cannot be started say so', async () => {
    const workers = workerProcesses({
      command: join(root, 'nowhere'),
      args: [],
      environment: {},
      attempts: join(root, 'attempts'),
      stateDirectory: root,
      runtimeDirectory: join(root, 'run'),
      config: DEFAULT_RUNNER_CONFIG,
      clock: systemClock,
      log: SILENT_LOG,
    });
    await expect(workers.spawn(place)).rejects.toThrow('ENOENT');
    await expect(stat(join(root, 'attempts', 'a1.1'))).rejects.toThrow('ENOENT');
  });
});

describe('names', () => {
  it('of labels are those of GitHub’s runner, then our own, each once', () => {
    expect(runnerLabels('linux', 'x64', ['gpu', 'LINUX', 'gpu'])).toEqual(['self-hosted', 'Linux', 'X64', 'gpu']);
    expect(runnerLabels('darwin', 'arm64', [])).toEqual(['self-hosted', 'macOS', 'ARM64']);
  });

  it('of workspaces stay in their slot whatever the repository is called', () => {
    expect(workspaceFolder('/s', 2, 'octo/app')).toBe('/s/work/2/octo/app');
    expect(workspaceFolder('/s', 0, null)).toBe('/s/work/0/_/_');
    for (const name of ['../..', 'a/..', './.', 'a/b c', 'a/\u0000'])
      expect(workspaceFolder('/s', 0, name)).toMatch(/^\/s\/work\/0\/[\w.-]+\/[\w-][\w.-]*$/);
  });

  it('of repositories are allowed by patterns, whatever their case, never across the slash', () => {
    expect(allowsRepository([], null)).toBe(true);
    expect(allowsRepository(['octo/*'], null)).toBe(false);
    expect(allowsRepository(['octo/*'], 'Octo/App')).toBe(true);
    expect(allowsRepository(['octo/a.p'], 'octo/axp')).toBe(false);
    expect(allowsRepository(['*/app'], 'evil/other')).toBe(false);
    expect(allowsRepository(['octo*'], 'octo/app')).toBe(false);
    expect(allowsRepository(['octo/app'], 'evil/octo/app')).toBe(false);
  });
});
