// What a server and its agents cost. Each figure stands beside a floor or a peer that is measured in the same run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { Agent as HttpAgent, createServer, request as httpRequest } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool, request } from 'undici';
import { FakeAgent } from './fake-agent.mjs';
import { postgresPrograms, startPostgres } from './postgres.mjs';

const CLI = fileURLToPath(new URL('../../dist/paceline.js', import.meta.url));
const JOB = 'on: push\njobs:\n  job:\n    runs-on: [self-hosted]\n    steps:\n      - run: echo first\n';
const DURABLE_JOB = { steps: 12, logBytes: 160 * 1024, syncs: 4 };
const DURABLE_JOBS = 600;
const DURABLE_AGENTS = 50;
const IDLE_AGENTS = 10_000;

export const serverBenchmarks = [
  {
    // From the submission to the first byte of the step's log in the answer of the server; one idle agent. Floor: the
    // same number of durable hand-overs as bare parts: an HTTP round trip, fdatasync of a record, a spawn of bash.
    name: 'dispatch-latency',
    unit: 'ms p50',
    runs: 1,
    measure: (directory) =>
      withServer(directory, async (server) => {
        const agent = await server.startAgent('one');
        const samples = [];
        for (let n = 0; n < 35; n++) {
          const started = performance.now();
          const { runs } = await server.api('POST', '/v1/runs', submission(JOB));
          await server.firstByte(runs[0].id, 'job');
          samples.push(performance.now() - started);
          await server.completed(runs[0].id);
          // An idle agent is one that has had the time to become so.
          await pause(1_000);
        }
        await agent.stop();
        const counted = samples.slice(5).sort((a, b) => a - b);
        return {
          value: percentile(counted, 0.5),
          floor: await handOverFloor(directory),
          more: { p99: percentile(counted, 0.99) },
        };
      }),
  },
  {
    // Jobs per second through the full durable path: claim, 12 step reports, 160 KB of log, finish; 50 fake agents, which
    // tell of three steps at a time, with their logs beside it.
    // Floor: the same bytes as durable appends to one file, one fdatasync for each request that must be durable.
    name: 'durable-jobs',
    unit: 'jobs/s',
    runs: 1,
    measure: (directory) => withServer(directory, (server) => durableJobs(server, directory)),
  },
  {
    name: 'durable-jobs-postgres',
    unit: 'jobs/s',
    runs: 1,
    lacks: () => (postgresPrograms() === null ? 'PostgreSQL' : null),
    measure: async (directory) => {
      const postgres = await startPostgres();
      try {
        return await withServer(directory, (server) => durableJobs(server, directory), ['--database', postgres.url]);
      } finally {
        await postgres.stop();
      }
    },
  },
  {
    // Memory of a server that holds the polls of ten thousand idle agents. Floor: a bare node:http server that holds as
    // many requests.
    name: 'idle-agents',
    unit: 'MB',
    runs: 1,
    measure: (directory) =>
      withServer(directory, async (server) => {
        const fleet = await server.fleet(IDLE_AGENTS);
        const before = await cpuSeconds(server.pid);
        await pause(10_000);
        const cpu = ((await cpuSeconds(server.pid)) - before) / 10;
        const value = await residentMb(server.pid);
        await fleet.stop();
        return { value, floor: await bareHeldRequests(IDLE_AGENTS), more: { cpuCores: cpu } };
      }),
  },
  {
    // From kill -9 of the server under ten thousand agents to all of them back. Floor: the same with a bare server.
    name: 'fleet-recovery',
    unit: 's',
    runs: 1,
    measure: (directory) =>
      withServer(directory, async (server) => {
        const fleet = await server.fleet(IDLE_AGENTS);
        await server.kill9();
        const started = performance.now();
        await server.restart();
        await fleet.reopen();
        const value = (performance.now() - started) / 1_000;
        await fleet.stop();
        return { value, floor: (await bareReconnects(IDLE_AGENTS)) / 1_000 };
      }),
  },
  {
    // Memory of an agent without a job and of its spare worker. Floor: an empty Node.js process.
    name: 'idle-agent-memory',
    unit: 'MB',
    runs: 1,
    measure: (directory) =>
      withServer(directory, async (server) => {
        const agent = await server.startAgent('one');
        await pause(3_000);
        // With the worker that waits for the next job: memory that is theirs, and their share of what others have too.
        const value = (await proportionalMb(agent.pid)) + (await proportionalMb(await childOf(agent.pid)));
        const more = { agentMb: await proportionalMb(agent.pid) };
        await agent.stop();
        return { value, floor: await emptyNodeMb(), more };
      }),
  },
  {
    // From `POST cancel` to the dead tree of a step, over server, agent and worker. Floor: the same tree ended by a signal.
    name: 'cancel-end-to-end',
    unit: 'ms p50',
    runs: 1,
    measure: (directory) => withServer(directory, cancelLatency),
  },
];

function submission(text) {
  return { workflow: { path: '.github/workflows/bench.yml', text } };
}

async function durableJobs(server, directory) {
  const agents = await server.fakeAgents(DURABLE_AGENTS);
  const matrix = `${JOB.split('steps:')[0]}strategy: { matrix: { n: ${JSON.stringify(range(100))} } }\n    steps:\n      - run: echo first\n`;
  const run = async (jobs) => {
    for (let n = 0; n < jobs / 100; n++) await server.api('POST', '/v1/runs', submission(matrix));
    const started = performance.now();
    let done = 0;
    await Promise.all(
      agents.map(async (agent) => {
        while (done < jobs) {
          const answer = await Promise.race([agent.poll(1), finished.promise]);
          if (answer === 'finished') return;
          for (const offer of answer?.offers ?? []) {
            await agent.play(offer, DURABLE_JOB);
            if (++done === jobs) finished.resolve('finished');
          }
        }
      }),
    );
    return jobs / ((performance.now() - started) / 1_000);
  };
  let finished = deferred();
  await run(100);
  finished = deferred();
  for (const agent of agents) await agent.open(1);
  const before = await cpuSeconds(server.pid);
  const writtenBefore = await written(server.pid);
  const value = await run(DURABLE_JOBS);
  const cpuMs = (((await cpuSeconds(server.pid)) - before) * 1_000) / DURABLE_JOBS;
  const now = await written(server.pid);
  // Of the server for a job: they hardly depend on what else the machine does.
  const writes = (now.calls - writtenBefore.calls) / DURABLE_JOBS;
  const writtenKb = (now.bytes - writtenBefore.bytes) / 1_024 / DURABLE_JOBS;
  return { value, floor: await durableAppends(directory, DURABLE_JOBS), more: { cpuMs, writes, writtenKb } };
}

/** Jobs per second if all that a job's requests carry were only appended and synced, a fdatasync for 50 at a time. */
async function durableAppends(directory, jobs) {
  const file = await open(join(directory, 'floor'), 'w');
  const requests = 1 + 1 + 1 + 2 * DURABLE_JOB.syncs + 1;
  const bytes = Buffer.alloc(Math.ceil((DURABLE_JOB.logBytes + 16_384) / requests) * DURABLE_AGENTS, 'x');
  const started = performance.now();
  for (let n = 0; n < (jobs * requests) / DURABLE_AGENTS; n++) {
    await file.write(bytes);
    await file.datasync();
  }
  const seconds = (performance.now() - started) / 1_000;
  await file.close();
  return jobs / seconds;
}

async function handOverFloor(directory) {
  const server = createServer((_, response) => response.end('{}'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const pool = new Pool(`http://127.0.0.1:${server.address().port}`);
  const file = await open(join(directory, 'floor'), 'w');
  const samples = [];
  for (let n = 0; n < 40; n++) {
    const started = performance.now();
    // Submit, offer, accept, start, first record, first log: six requests and as many durable writes; two processes.
    for (let hop = 0; hop < 6; hop++) {
      await (await pool.request({ method: 'POST', path: '/', body: '{}' })).body.text();
      await file.write('record\n');
      await file.datasync();
    }
    await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
    await once(spawn('bash', ['-c', 'echo first'], { stdio: 'ignore' }), 'exit');
    samples.push(performance.now() - started);
  }
  await file.close();
  await pool.close();
  server.close();
  return percentile(
    samples.sort((a, b) => a - b),
    0.5,
  );
}

async function cancelLatency(server) {
  const agent = await server.startAgent('one');
  const samples = [];
  const floors = [];
  for (let n = 0; n < 12; n++) {
    const mark = join(server.directory, `pid-${n}`);
    // One of them has left the group of the step.
    const step = `trap 'exit 130' INT; setsid sleep 600 & a=$!; sleep 600 & echo $$ $a $! > ${mark}; wait`;
    const text = JOB.replace('echo first', () => JSON.stringify(step));
    const { runs } = await server.api('POST', '/v1/runs', submission(text));
    const pids = (await whenWritten(mark)).split(' ').map(Number);
    const started = performance.now();
    await server.api('POST', `/v1/runs/${runs[0].id}/cancel`, {});
    for (const pid of pids) while (await lives(pid)) await pause(1);
    samples.push(performance.now() - started);
    await server.completed(runs[0].id);
    const child = spawn('bash', ['-c', 'sleep 600 & sleep 600'], { detached: true, stdio: 'ignore' });
    await pause(50);
    const floorStarted = performance.now();
    process.kill(-child.pid, 'SIGTERM');
    await once(child, 'exit');
    floors.push(performance.now() - floorStarted);
  }
  await agent.stop();
  samples.sort((a, b) => a - b);
  return {
    value: percentile(samples, 0.5),
    floor: percentile(
      floors.sort((a, b) => a - b),
      0.5,
    ),
    more: { p99: samples.at(-1) },
  };
}

/** A server in a process of its own on a free port, with its folder below `directory`. */
async function withServer(directory, measure, args = []) {
  const server = new BenchServer(directory, await freePort(), args);
  await server.restart();
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

class BenchServer {
  #children = new Set();
  #child = null;

  constructor(directory, port, args) {
    this.directory = directory;
    this.data = join(directory, 'data');
    this.url = `http://127.0.0.1:${port}`;
    this.args = ['server', '--listen', `127.0.0.1:${port}`, '--data', this.data, ...args];
  }

  get pid() {
    return this.#child.pid;
  }

  async restart() {
    await mkdir(this.directory, { recursive: true });
    this.errors ??= openSync(join(this.directory, 'stderr'), 'a');
    this.#child = this.#start(this.args);
    await until(async () => (await request(`${this.url}/readyz`).then(drained)) === 200);
    this.token = (await readFile(join(this.data, 'admin-token'), 'utf8')).trim();
  }

  async kill9() {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  /** The agents before their server, so that they can say that they go. */
  async stop() {
    for (const child of [...this.#children].reverse()) await ended(child);
  }

  async api(method, path, json) {
    const { statusCode, body } = await request(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(json ? { 'content-type': 'application/json' } : {}) },
      ...(json ? { body: JSON.stringify(json) } : {}),
    });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  async registration() {
    return (await this.api('POST', '/v1/tokens', { name: 'bench', kind: 'registration', expiresSeconds: 3_600 })).token;
  }

  async startAgent(name) {
    const file = join(this.directory, 'registration');
    await writeFile(file, await this.registration(), { mode: 0o600 });
    const state = join(this.directory, name);
    const register = [
      'agent',
      'register',
      '--server',
      this.url,
      '--token-file',
      file,
      '--name',
      name,
      '--state',
      state,
    ];
    const [code] = await once(this.#start(register), 'exit');
    if (code !== 0) throw new Error(`agent register ended with ${code}`);
    const child = this.#start(['agent', 'run', '--state', state]);
    await until(async () => (await this.api('GET', '/v1/runners')).runners.some(({ state: is }) => is === 'idle'));
    return {
      pid: child.pid,
      stop: async () => {
        await ended(child);
      },
    };
  }

  async fakeAgents(count) {
    const token = await this.registration();
    const pool = new Pool(this.url, { connections: 256, bodyTimeout: 0, headersTimeout: 0 });
    const agents = [];
    for (let n = 0; n < count; n++) {
      const agent = new FakeAgent(pool);
      await agent.register(token, `fake-${n}`);
      await agent.open(1);
      agents.push(agent);
    }
    return agents;
  }

  /** Idle agents whose polls are held, each on a connection of its own. */
  async fleet(count) {
    // A registration token is good for a hundred registrations at once, then for ten a second.
    const tokens = [];
    for (let n = 0; n < count; n += 100) tokens.push(await this.registration());
    const pool = new Pool(this.url, { connections: 64 });
    const agents = [];
    const queue = range(count);
    await Promise.all(
      range(64).map(async () => {
        for (let n = queue.pop(); n !== undefined; n = queue.pop()) {
          const agent = new FakeAgent(pool);
          await agent.register(tokens[Math.floor(n / 100)], `idle-${n}`);
          await agent.open(1);
          agents.push(agent);
        }
      }),
    );
    let polls = new HttpAgent({ keepAlive: true, maxSockets: Infinity });
    let stopped = false;
    const hold = (agent) => {
      const body = JSON.stringify({ freeSlots: 1, takesWork: true, holding: [] });
      const poll = httpRequest(`${this.url}/v1/sessions/${agent.session}/poll`, {
        method: 'POST',
        agent: polls,
        headers: {
          authorization: `Bearer ${agent.token}`,
          'content-type': 'application/json',
          'content-length': body.length,
        },
      });
      poll.on('response', (response) => response.resume().on('end', () => !stopped && hold(agent)));
      poll.on('error', () => undefined);
      poll.end(body);
    };
    agents.forEach(hold);
    await pause(3_000);
    return {
      stop: async () => {
        stopped = true;
        polls.destroy();
        await pool.destroy();
      },
      // Each comes back within a second, as agents do: at a random moment of it.
      reopen: async () => {
        polls.destroy();
        polls = new HttpAgent({ keepAlive: true, maxSockets: Infinity });
        await Promise.all(
          agents.map(async (agent) => {
            await pause(Math.random() * 1_000);
            await agent.open(1);
            hold(agent);
          }),
        );
      },
    };
  }

  /** As a person who watches: the events of the run; the log of its step as soon as that is named there. */
  async firstByte(run, job) {
    const step = await this.#streamed(`/v1/runs/${run}/events`, (text) => {
      for (const line of text.split('\n')) {
        if (!line.startsWith('data: {') || !line.endsWith('}')) continue;
        const event = JSON.parse(line.slice('data: '.length));
        if (event.type === 'step' && event.step.kind === 'run' && event.state !== 'pending') return event.step.number;
      }
      return null;
    });
    await this.#streamed(`/v1/runs/${run}/jobs/${job}/steps/${step}/log?follow=true`, (text) => text.length || null);
  }

  /** Reads until `found` makes something of the text so far, which it returns. */
  async #streamed(path, found) {
    const { statusCode, body } = await request(`${this.url}${path}`, {
      headers: { authorization: `Bearer ${this.token}` },
    });
    if (statusCode !== 200) throw new Error(`GET ${path}: ${statusCode} ${await body.text()}`);
    let text = '';
    for await (const chunk of body) {
      text += chunk;
      const value = found(text);
      if (value !== null) return value;
    }
    throw new Error(`GET ${path} ended without what was waited for: ${text}`);
  }

  completed(run) {
    return until(async () => (await this.api('GET', `/v1/runs/${run}`)).state === 'completed');
  }

  #start(args) {
    const profile = process.env.PACELINE_BENCH_NODE_OPTIONS?.split(' ') ?? [];
    const child = spawn(process.execPath, [...profile, CLI, ...args], {
      stdio: ['ignore', 'ignore', this.errors],
      env: { ...process.env, TMPDIR: this.directory },
    });
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
    return child;
  }
}

/** Asked to end, and made to after five seconds. */
async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(late);
}

async function bareHeldRequests(count) {
  const child = spawn(process.execPath, ['-e', HOLDING_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  const agent = new HttpAgent({ keepAlive: true, maxSockets: Infinity });
  await holdAll(Number(port), count, agent);
  const value = await residentMb(child.pid);
  child.kill('SIGKILL');
  agent.destroy();
  await once(child, 'exit');
  return value;
}

async function bareReconnects(count) {
  const child = spawn(process.execPath, ['-e', HOLDING_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  const agent = new HttpAgent({ keepAlive: true, maxSockets: Infinity });
  const started = performance.now();
  await holdAll(Number(port), count, agent);
  const ms = performance.now() - started;
  child.kill('SIGKILL');
  agent.destroy();
  await once(child, 'exit');
  return ms;
}

const HOLDING_SERVER = `
const held = [];
const server = require('http').createServer((request, response) => {
  request.resume();
  request.on('end', () => { held.push(response); response.writeHead(200); response.flushHeaders(); });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;

/** Resolves when all of them are held: the server has sent its head. */
async function holdAll(port, count, agent) {
  await Promise.all(
    range(count).map(async () => {
      await pause(Math.random() * 1_000);
      const held = httpRequest({ host: '127.0.0.1', port, method: 'POST', agent });
      held.on('error', () => undefined);
      held.end('{}');
      const [response] = await once(held, 'response');
      response.on('error', () => undefined);
      response.resume();
    }),
  );
}

async function emptyNodeMb() {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => 0, 60000)'], { stdio: 'ignore' });
  await pause(1_000);
  const value = await proportionalMb(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return value;
}

async function childOf(pid) {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1');
  return Number(children.trim().split(' ')[0]);
}

async function proportionalMb(pid) {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]) / 1_024;
}

async function residentMb(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1_024;
}

async function cpuSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** By system calls: to files and to the network. */
async function written(pid) {
  const io = await readFile(`/proc/${pid}/io`, 'latin1');
  const of = (name) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)[1]);
  return { calls: of('syscw'), bytes: of('wchar') };
}

async function lives(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  return stat !== null && !/\) [ZX]/.test(stat);
}

async function whenWritten(path) {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim();
    await pause(5);
  }
}

async function until(condition) {
  while (!(await condition().catch(() => false))) await pause(5);
}

async function drained({ statusCode, body }) {
  await body.dump();
  return statusCode;
}

async function freePort() {
  const server = createTcpServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function range(count) {
  return Array.from({ length: count }, (_, n) => n);
}

function deferred() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

function percentile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
