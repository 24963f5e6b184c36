/**
 * A worker in a process of its own, started from the built command line as an agent does it. Nothing of it is left when
 * the test file has called `removeWorkers`, whatever happened.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { DEFAULT_RUNNER_CONFIG } from '../../src/config/runner-config.ts';
import { readAllRecords } from '../../src/journal/read-journal.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { StepPlan } from '../../src/protocol/plan.ts';
import {
  type FromWorker,
  JOURNAL_FILE,
  logFile,
  type ToWorker,
  WORKER_ERRORS_FILE,
  type WorkerOrder,
} from '../../src/protocol/worker-link.ts';
import { open as openJournal } from '../journal/journal-folder.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';
import { CLI } from '../support/run-workflow.ts';
import { type JobOptions, messageOf } from './job-harness.ts';

export interface WorkerOptions {
  readonly job?: Pick<JobOptions, 'job' | 'message' | 'contexts'>;
  readonly order?: Partial<WorkerOrder>;
  readonly config?: Partial<typeof DEFAULT_RUNNER_CONFIG>;
  /** Where everything is made; default: a folder of its own. */
  readonly root?: string;
  readonly files?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export class Attempt {
  readonly root: string;
  readonly marker = randomUUID();
  readonly order: WorkerOrder;

  private constructor(root: string, steps: readonly StepPlan[], options: WorkerOptions) {
    this.root = root;
    const workspace = join(root, 'work', 'repo', 'repo');
    this.order = {
      message: messageOf(steps, options.job ?? {}, workspace),
      jobId: this.marker.slice(0, 8),
      attemptDirectory: join(root, 'attempt'),
      workspace,
      clean: 'never',
      cacheDirectory: join(root, 'cache'),
      tempRoot: join(root, 'temp'),
      socketPath: join(root, 'sockets', 'worker'),
      runnerName: 'tester',
      checkout: null,
      allowActions: [],
      config: { ...DEFAULT_RUNNER_CONFIG, ...options.config },
      spoolBytes: 100_000_000,
      ...options.order,
    };
  }

  /** With `job-started` in its journal. */
  static async prepare(steps: readonly StepPlan[], options: WorkerOptions = {}): Promise<Attempt> {
    const root = options.root ?? (await realpath(await mkdtemp(join(tmpdir(), 'paceline-attempt-'))));
    const attempt = new Attempt(root, steps, options);
    attempts.push(attempt);
    await mkdir(attempt.order.attemptDirectory, { mode: 0o700 });
    for (const [path, text] of Object.entries(options.files ?? {})) {
      await mkdir(dirname(join(attempt.order.workspace, path)), { recursive: true });
      await writeFile(join(attempt.order.workspace, path), text, { mode: 0o755 });
    }
    const journal = await openJournal(attempt.path(JOURNAL_FILE));
    const started: AttemptRecord = { kind: 'job-started', at: new Date().toISOString() };
    await journal.append(JSON.stringify(started), 'now');
    await journal.close();
    return attempt;
  }

  path(name: string): string {
    return join(this.order.attemptDirectory, name);
  }

  records(): Promise<readonly AttemptRecord[]> {
    return readAllRecords(this.path(JOURNAL_FILE));
  }

  log(step: number): Promise<string> {
    return readFile(this.path(logFile(step)), 'utf8').catch(() => '');
  }

  errors(): Promise<string> {
    return readFile(this.path(WORKER_ERRORS_FILE), 'utf8');
  }

  /** @param order What an agent hands over, as text; null: that comes later, with {@link Worker.order}. */
  start(order: string | null = JSON.stringify(this.order), cli = CLI, args: readonly string[] = []): Worker {
    const errors = openSync(this.path(WORKER_ERRORS_FILE), 'a', 0o600);
    const child = spawn(process.execPath, [cli, 'worker', ...args], {
      detached: true,
      cwd: this.root,
      stdio: ['ignore', 'ignore', errors, 'pipe'],
      env: { PATH: process.env.PATH, HOME: this.root, [MARKER]: this.marker },
    });
    closeSync(errors);
    const worker = new Worker(this, child);
    if (order !== null) worker.order(order);
    return worker;
  }

  async remove(): Promise<void> {
    for (const { pid } of await livingWith(this.marker)) process.kill(pid, 'SIGKILL');
    await rm(this.root, { recursive: true, force: true });
  }
}

export class Worker {
  readonly attempt: Attempt;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;

  constructor(attempt: Attempt, child: ChildProcess) {
    this.attempt = attempt;
    this.child = child;
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  order(text: string): void {
    (this.child.stdio[3] as Writable).end(text);
  }

  /** Resolves when the worker listens; rejects when it ends before. */
  async connect(): Promise<Link> {
    const ended: Exit[] = [];
    void this.exited.then((exit) => ended.push(exit));
    for (;;) {
      const socket = createConnection(this.attempt.order.socketPath);
      const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
        socket.once('connect', () => resolve(null));
        socket.once('error', resolve);
      });
      if (error === null) return new Link(this.attempt, socket);
      if (ended.length > 0) throw new Error(`ended: ${JSON.stringify(ended)} ${await this.attempt.errors()}`);
      if (error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED') throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** A connection of an agent. */
export class Link {
  readonly #attempt: Attempt;
  readonly #socket: Socket;
  readonly levels: FromWorker[] = [];
  readonly closed: Promise<void>;
  readonly #watchers = new Set<() => void>();
  #isClosed = false;

  constructor(attempt: Attempt, socket: Socket) {
    this.#attempt = attempt;
    this.#socket = socket;
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.levels.push(JSON.parse(line) as FromWorker);
      this.#wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      }),
    );
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const resume of watchers) resume();
  }

  get seq(): number {
    return this.levels.findLast((level) => level.kind === 'journal')?.seq ?? 0;
  }

  send(message: ToWorker): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  drop(): void {
    this.#socket.destroy();
  }

  /** Resolves when a step's log has the text, as the worker tells of it; rejects when the connection ends before. */
  async printed(text: string): Promise<void> {
    for (;;) {
      const next = new Promise<void>((resolve) => this.#watchers.add(resolve));
      for (const step of new Set(this.levels.map((level) => (level.kind === 'log' ? level.step : 0))))
        if ((await this.#attempt.log(step)).includes(text)) return;
      if (this.#isClosed) throw new Error(`the worker closed the connection: ${await this.#attempt.errors()}`);
      await next;
    }
  }
}

const attempts: Attempt[] = [];

/** For `afterEach`. */
export async function removeWorkers(): Promise<void> {
  for (const attempt of attempts.splice(0)) await attempt.remove();
}

/** `ID state`, in the order of the journal, without those that were only declared. */
export function storyOf(records: readonly AttemptRecord[]): string[] {
  return records.flatMap((record) => {
    switch (record.kind) {
      case 'step':
        return record.state === 'pending' ? [] : [`${record.step.id ?? record.step.name} ${record.state}`];
      case 'job-finished':
        return [`job ${record.conclusion}`];
      case 'job-started':
      case 'annotation':
      case 'log-sealed':
      case 'flow-request':
        return [];
    }
  });
}
