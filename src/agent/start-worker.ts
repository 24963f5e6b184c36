import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { removeTree } from '../kernel/remove-tree.ts';

/** A worker that waits for its order. */
export interface StartedWorker {
  readonly pid: number;
  /** For the order. Closed without one, the worker ends. */
  readonly pipe: Writable;
  /** The file that its standard error goes to, until it is moved. */
  readonly errors: string;
  readonly exited: Promise<void>;
  /** For one without an order: there is nothing that it would have to tidy up. Resolves when it is gone. */
  discard(): Promise<void>;
}

export interface StartWorkerOptions {
  /** What is started, with `worker` as last argument. */
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Of the runner: where it is started, and its standard error lies at first. */
  readonly stateDirectory: string;
  /** It has no job yet, and makes ready for one. */
  readonly isAhead?: boolean;
  readonly log: DiagnosticLog;
}

/** A worker without an order that has not ended by then is killed. */
const END_MS = 2_000;

/** Of what workers have in the state folder that have no job: their standard error, and what they make ready. */
export const OF_UNASSIGNED = /^worker-[\w-]+\.(stderr|ahead)$/;

/**
 * In a session of its own: signals to the agent's terminal or group do not reach it.
 * @throws what the system says.
 */
export async function startWorker(options: StartWorkerOptions): Promise<StartedWorker> {
  const name = join(options.stateDirectory, `worker-${randomUUID()}`);
  const errors = `${name}.stderr`;
  const ahead = options.isAhead === true ? `${name}.ahead` : null;
  const fd = openSync(errors, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(options.command, [...options.args, 'worker', ...(ahead === null ? [] : ['--ahead', ahead])], {
      cwd: options.stateDirectory,
      env: { ...options.environment },
      detached: true,
      stdio: ['ignore', 'ignore', fd, 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } catch (error) {
    rmSync(errors, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => {
      // Its own worker has removed it, unless it was killed; then what it had started may still write there.
      const removed = ahead === null ? Promise.resolve() : removeTree(ahead);
      void removed
        .catch((error: unknown) => options.log.warn(`what a worker made ready cannot be removed: ${String(error)}`))
        .then(resolve);
    }),
  );
  child.on('error', (error) => options.log.warn(`worker: ${error.message}`));
  // The agent need not stay for it.
  child.unref();
  const pipe = child.stdio[3] as Writable;
  pipe.on('error', () => undefined);
  const pid = child.pid ?? 0;
  ordinary(pid);
  const discard = async (): Promise<void> => {
    // It hears that there is no order, and takes along what it has made ready.
    pipe.destroy();
    // Somebody waits for it now.
    child.ref();
    const limit = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await exited;
    clearTimeout(limit);
    rmSync(errors, { force: true });
  };
  return { pid, pipe, errors, exited, discard };
}

/** Jobs do not inherit that the agent comes first. */
function ordinary(pid: number): void {
  try {
    if (getPriority(pid) < 0) setPriority(pid, 0);
  } catch {
    // It has ended already; whoever waits for it is told so.
  }
}
