import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { RunnerConfig } from '../config/runner-config.ts';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { easeMoves } from '../process/cgroup.ts';
import { bootId } from '../process/process-identity.ts';
import { lives, readProcess } from '../process/process-table.ts';
import { reapLeftovers } from '../process/reap.ts';
import { WORKER_ERRORS_FILE, type WorkerOrder } from '../protocol/worker-link.ts';
import type {
  WaitingWorker,
  WorkerAssignment,
  WorkerHandle,
  WorkerIdentity,
  WorkerLauncher,
  WorkerPlace,
} from './agent-ports.ts';
import { attemptDirectory, META_FILE } from './attempt-folders.ts';
import { SpareWorkers } from './spare-workers.ts';
import { type StartedWorker, startWorker } from './start-worker.ts';
import { WorkerConnection } from './worker-connection.ts';
import { workspaceFolder } from './workspace-folder.ts';

export interface WorkerProcessesOptions {
  /** What is started, with `worker` as last argument. */
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the folders of attempts. */
  readonly attempts: string;
  /** Of the runner: workspaces, temporary folders and the cache are below it. */
  readonly stateDirectory: string;
  /** Of sockets: short, and ours alone. */
  readonly runtimeDirectory: string;
  readonly config: RunnerConfig;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
}

/** How often a process that is not our child is looked at: nobody tells when it ends. */
const LOOK_MS = 250;
/** Where the system has none: then a process of an earlier boot is known by its start alone. */
const NO_BOOT_ID = 'unknown';

export interface WorkerProcesses extends WorkerLauncher {
  /** From now on a worker is started ahead of its job, see {@link SpareWorkers}. */
  keepSpare(): void;
  /** Workers that have no job end, those that have one go on. Resolves when they have ended. */
  close(): Promise<void>;
}

/** Starts workers as processes of their own, which outlive the agent. */
export function workerProcesses(options: WorkerProcessesOptions): WorkerProcesses {
  const boot = bootId() ?? NO_BOOT_ID;
  mkdirSync(options.runtimeDirectory, { recursive: true, mode: 0o700 });
  /** Whoever ends waits for them. */
  const dismissed = new Set<Promise<void>>();
  const spares = new SpareWorkers(options, () => startWorker({ ...options, isAhead: true }));
  return {
    bootId: boot,
    keepSpare: () => spares.keep(),
    close: async () => {
      await Promise.all([spares.close(), ...dismissed]);
    },
    spawn: (place) =>
      assign(options, place, boot, spares, (going) => {
        dismissed.add(going);
        void going.finally(() => dismissed.delete(going));
      }),
    reattach: (identity) => {
      if (identity.bootId !== boot || !isSameProcess(identity)) return Promise.resolve(null);
      return Promise.resolve(handleOf(options, identity, watchStranger(identity, options.clock)));
    },
    reap: async (jobId) => {
      try {
        const ended = await reapLeftovers(jobId);
        await removeTree(tempRoot(options, jobId));
        return ended.length;
      } catch (error) {
        options.log.error(`what a job left behind cannot be ended: ${String(error)}`, { jobId });
        return 0;
      }
    },
  };
}

/** The spare worker, else one that is started now. */
async function assign(
  options: WorkerProcessesOptions,
  place: WorkerPlace,
  boot: string,
  spares: SpareWorkers,
  dismissing: (going: Promise<void>) => void,
): Promise<WaitingWorker> {
  // The worker starts a process some 15 ms from now.
  if (options.config.cgroups === 'auto') void easeMoves();
  const directory = attemptDirectory(options.attempts, place);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  let worker: StartedWorker;
  try {
    worker = spares.take() ?? (await startWorker(options));
    renameSync(worker.errors, join(directory, WORKER_ERRORS_FILE));
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  const { pid, pipe, exited } = worker;
  const socketPath = join(options.runtimeDirectory, `${pid}.sock`);
  const identity = { pid, startTime: readProcess(pid)?.startTime ?? null, bootId: boot, socketPath };
  return {
    identity,
    begin: async (assignment) => {
      spares.refill();
      await write(pipe, JSON.stringify(orderOf(options, place, identity, assignment)));
      return handleOf(options, identity, exited, place.jobId);
    },
    dismiss: () => {
      dismissing(
        worker.discard().then(() => {
          if (!existsSync(join(directory, META_FILE))) rmSync(directory, { recursive: true, force: true });
        }),
      );
    },
  };
}

function orderOf(
  options: WorkerProcessesOptions,
  place: WorkerPlace,
  { socketPath }: WorkerIdentity,
  { repository, slot, ...order }: WorkerAssignment,
): WorkerOrder {
  const { config, stateDirectory } = options;
  return {
    ...order,
    attemptDirectory: attemptDirectory(options.attempts, place),
    workspace: workspaceFolder(stateDirectory, slot, repository),
    clean: config.agent.clean,
    cacheDirectory: join(stateDirectory, 'cache'),
    tempRoot: tempRoot(options, place.jobId),
    socketPath,
  };
}

function tempRoot({ config, stateDirectory }: WorkerProcessesOptions, jobId: string): string {
  return join(config.workDirectory ?? join(stateDirectory, 'temp'), jobId);
}

function write(pipe: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    pipe.once('error', reject);
    pipe.end(text, () => resolve());
  });
}

function handleOf(
  options: WorkerProcessesOptions,
  identity: WorkerIdentity,
  exited: Promise<void>,
  jobId: string | null = null,
): WorkerHandle {
  const connection = new WorkerConnection(identity.socketPath, options.clock);
  const gone = exited.then(async () => {
    await connection.close();
    rmSync(identity.socketPath, { force: true });
    if (jobId !== null) await removeTree(tempRoot(options, jobId)).catch(() => undefined);
  });
  return {
    identity,
    get seq() {
      return connection.seq;
    },
    logs: connection.logs,
    onProgress: (listener) => connection.onProgress(listener),
    send: (message) => connection.send(message),
    kill: () => {
      if (isSameProcess(identity)) process.kill(identity.pid, 'SIGKILL');
    },
    exited: gone,
  };
}

function isSameProcess({ pid, startTime }: WorkerIdentity): boolean {
  if (startTime === null) return signalReaches(pid);
  const facts = readProcess(pid);
  return facts !== null && lives(facts) && facts.startTime === startTime;
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Gone, or another user's, which it never was.
    return false;
  }
}

function watchStranger(identity: WorkerIdentity, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (isSameProcess(identity)) clock.after(LOOK_MS, look);
      else resolve();
    };
    look();
  });
}
