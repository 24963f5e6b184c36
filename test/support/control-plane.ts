/**
 * A control server and agents as their users start them: the built command line, processes of their own, folders of
 * their own. All of it carries a mark in its environment, by which what was left behind is found.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunView, SubmitReply, SubmitRequest } from '../../src/protocol/run-api.ts';
import { livingWith, MARKER } from './living-processes.ts';
import { TcpBalancer } from './tcp-balancer.ts';

const CLI = process.env.PACELINE_CLI ?? fileURLToPath(new URL('../../dist/paceline.js', import.meta.url));

export interface ControlPlaneOptions {
  /** `postgres://…`; default: SQLite. */
  readonly database?: string;
  /** Into the environment of servers and agents. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Keys of `runner.config.json`, for servers and agents. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A process of the command line, with what it said. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly output: () => string;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(signal: NodeJS.Signals): void;
}

export class ControlPlane {
  readonly directory: string;
  readonly #marker = randomUUID();
  readonly #options: ControlPlaneOptions;
  readonly #running = new Set<Running>();
  readonly #cleanUps: (() => unknown)[] = [];
  /** The same after a restart. */
  readonly port: number;

  private constructor(directory: string, port: number, options: ControlPlaneOptions) {
    this.directory = directory;
    this.port = port;
    this.#options = options;
  }

  static async open(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'paceline-plane-')));
    await mkdir(join(directory, 'tmp'));
    await writeFile(join(directory, 'runner.config.json'), JSON.stringify(options.config ?? {}));
    return new ControlPlane(directory, await freePort(), options);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get dataDirectory(): string {
    return join(this.directory, 'data');
  }

  /** Resolves when the server answers. */
  async startServer(
    options: { readonly port?: number; readonly environment?: Record<string, string> } = {},
  ): Promise<Running> {
    const port = options.port ?? this.port;
    const args = ['server', '--listen', `127.0.0.1:${port}`, '--data', this.dataDirectory];
    args.push('--config', join(this.directory, 'runner.config.json'));
    if (this.#options.database !== undefined) args.push('--database', this.#options.database);
    const server = this.start(args, options.environment);
    await this.#ready(server, port);
    return server;
  }

  /** Registers a runner; `name` is also its folder. */
  async register(name: string, args: readonly string[] = [], url = this.url): Promise<void> {
    const token = await this.request<{ token: string }>('POST', '/v1/tokens', {
      name: `for ${name}`,
      kind: 'registration',
      expiresSeconds: 600,
    });
    const file = join(this.directory, `${name}.token`);
    await writeFile(file, token.token, { mode: 0o600 });
    const registering = this.start([
      ...['agent', 'register', '--server', url, '--token-file', file, '--name', name, '--state', this.stateOf(name)],
      ...args,
    ]);
    const { code } = await registering.exited;
    if (code !== 0) throw new Error(`register ended with ${String(code)}: ${registering.output()}`);
  }

  stateOf(name: string): string {
    return join(this.directory, 'agents', name);
  }

  startAgent(name: string, args: readonly string[] = [], environment: Record<string, string> = {}): Running {
    return this.start(
      ['agent', 'run', '--state', this.stateOf(name), '--config', join(this.directory, 'runner.config.json'), ...args],
      environment,
    );
  }

  /** @param cli Of another release, for instance. */
  start(args: readonly string[], environment: Record<string, string> = {}, cli = CLI): Running {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        TMPDIR: join(this.directory, 'tmp'),
        XDG_CACHE_HOME: join(this.directory, 'cache'),
        [MARKER]: this.#marker,
        ...this.#options.environment,
        ...environment,
      },
    });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
    const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.on('exit', (code, signal) => {
        this.#running.delete(running);
        resolve({ code, signal });
      });
    });
    const running: Running = {
      child,
      pid: child.pid ?? -1,
      output: () => output,
      exited,
      kill: (signal) => void child.kill(signal),
    };
    this.#running.add(running);
    return running;
  }

  /** The admin's. Throws with the server's sentence when the answer is no success. */
  async request<T>(method: string, path: string, body?: unknown, port = this.port): Promise<T> {
    const response = await this.fetch(
      path,
      {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      },
      port,
    );
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  async fetch(path: string, init: RequestInit = {}, port = this.port): Promise<Response> {
    const token = (await readFile(join(this.dataDirectory, 'admin-token'), 'utf8')).trim();
    return fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
    });
  }

  async submit(text: string, request: Partial<SubmitRequest> = {}): Promise<number> {
    const reply = await this.request<SubmitReply>('POST', '/v1/runs', {
      workflow: { path: '.github/workflows/test.yml', text },
      ...request,
    });
    const [run] = reply.runs;
    if (!run) throw new Error('no run');
    return run.id;
  }

  show(run: number, port = this.port): Promise<RunView> {
    return this.request<RunView>('GET', `/v1/runs/${run}`, undefined, port);
  }

  /** Follows the run's events until it is complete, over restarts of the server. */
  async completed(run: number, limitMs = COMPLETION_LIMIT_MS, port = this.port): Promise<RunView> {
    const end = performance.now() + limitMs;
    let last: unknown = null;
    while (performance.now() < end) {
      try {
        const signal = AbortSignal.timeout(Math.ceil(Math.max(end - performance.now(), 1)));
        const response = await this.fetch(`/v1/runs/${run}/events?follow=run`, { signal }, port);
        await response.text();
        const view = await this.show(run, port);
        if (view.state === 'completed') return view;
      } catch (error) {
        last = error;
        await pause(RETRY_MS);
      }
    }
    throw new Error(
      `run ${run} did not complete in ${limitMs} ms: ${JSON.stringify(await this.show(run, port).catch(String))}`,
      {
        cause: last,
      },
    );
  }

  /** Comes back when a look says so. `what`: as in "it was not seen that …". Looks ask the server, which takes its time. */
  async seen(what: string, look: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + COMPLETION_LIMIT_MS;
    while (!(await look())) if (performance.now() > end) throw new Error(`it was not seen that ${what}`);
  }

  async log(run: number, job: string, step: number): Promise<string> {
    const response = await this.fetch(`/v1/runs/${run}/jobs/${encodeURIComponent(job)}/steps/${step}/log`);
    const text = await response.text();
    if (!response.ok) throw new Error(`log of ${run}/${job}/${step}: ${response.status} ${text}`);
    return text;
  }

  /** Of this world, with what they are, but for those started here that still run. */
  async leftovers(): Promise<{ pid: number; name: string }[]> {
    const known = new Set([...this.#running].map(({ pid }) => pid));
    return (await livingWith(this.#marker)).filter(({ pid }) => !known.has(pid));
  }

  /** Everything that lives and carries the mark. */
  living(): Promise<{ pid: number; name: string }[]> {
    return livingWith(this.#marker);
  }

  /** An address behind which connections go to these ports in turn, and to the next one where nobody listens. */
  async balance(ports: readonly number[]): Promise<string> {
    const balancer = await TcpBalancer.open(ports);
    this.afterwards(() => balancer.close());
    return balancer.url;
  }

  /** Called at the end, when agents and servers are gone; the last that was given comes first. */
  afterwards(cleanUp: () => unknown): void {
    this.#cleanUps.push(cleanUp);
  }

  /** Ends what runs, reports what is left behind, removes the folder. */
  async close(): Promise<{ pid: number; name: string }[]> {
    // Agents first: they want to say good-bye to their server.
    await this.#stop([...this.#running].filter(({ child }) => child.spawnargs.includes('agent')));
    await this.#stop([...this.#running]);
    for (const cleanUp of this.#cleanUps.reverse()) await cleanUp();
    const left = await livingWith(this.#marker);
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    await rm(this.directory, { recursive: true, force: true });
    return left;
  }

  /** Asks them to end; a second time, which cancels their jobs; then they are killed. */
  async #stop(running: readonly Running[]): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
      for (const one of running) one.kill(signal);
      const stopped = Promise.all(running.map(({ exited }) => exited));
      let limit: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => (limit = setTimeout(resolve, STOP_LIMIT_MS, 'late')));
      const outcome = await Promise.race([stopped, late]);
      clearTimeout(limit);
      if (outcome !== 'late') return;
    }
  }

  async #ready(server: Running, port: number): Promise<void> {
    const end = performance.now() + START_LIMIT_MS;
    const exit = server.exited.then(({ code, signal }) => {
      throw new Error(`the server ended with ${String(code ?? signal)}: ${server.output()}`);
    });
    exit.catch(() => undefined);
    while (performance.now() < end) {
      const ready = fetch(`http://127.0.0.1:${port}/readyz`).then(
        (response) => response.ok && existsSync(join(this.dataDirectory, 'admin-token')),
        () => false,
      );
      if (await Promise.race([ready, exit])) return;
      await Promise.race([pause(RETRY_MS), exit]);
    }
    throw new Error(`the server did not answer: ${server.output()}`);
  }
}

const RETRY_MS = 50;
/** Nobody waits so long but on a machine that has other things to do. */
const COMPLETION_LIMIT_MS = 90_000;
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 20_000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
