import { readFile } from 'node:fs/promises';
import { agentStatus } from '../agent/agent-status.ts';
import { lockedSince } from '../agent/state-lock.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RunnerFolder } from './runner-folder.ts';
import type { Service } from './service.ts';

/** For a new agent to start and to have its session; a busy server takes some of it. */
const SESSION_LIMIT_MS = 90_000;
const LOOK_MS = 200;
/** File systems tell times more coarsely than clocks do. */
const COARSE_MS = 20;

/** The process of the folder's agent; null: none runs. */
export async function runningAgent({ state }: RunnerFolder): Promise<number | null> {
  return (await agentStatus(state)).pid;
}

/** By its command line, which every version has: the launcher resolves the link. */
export async function isOfVersion(pid: number, version: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(`/versions/${version}/`);
  } catch {
    // It has ended; or there is no /proc, and whoever has a session is taken for the one that was started.
    return process.platform !== 'linux';
  }
}

/** Comes back when it has ended: a service manager that still takes it for running would not start another. */
export async function killedAgent(pid: number, folder: RunnerFolder, clock: Clock): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  while ((await runningAgent(folder)) === pid) await pause(clock);
}

/**
 * Starts a service and waits until an agent of the version has its session with the server. Null: it has; else why not,
 * as a sentence. What starts a service may itself wait for the session, or for ever: it is not waited for.
 */
export async function startedAgent(
  service: Service,
  folder: RunnerFolder,
  version: string,
  clock: Clock,
): Promise<string | null> {
  const limit = clock.monotonic() + SESSION_LIMIT_MS;
  const failures: string[] = [];
  service.start().catch((error: unknown) => {
    failures.push(error instanceof Error ? error.message : String(error));
  });
  for (;;) {
    if (await hasSession(folder, version)) return null;
    const [failure] = failures;
    if (failure !== undefined) return failure;
    if (clock.monotonic() >= limit)
      return `Its agent had no session with the server after ${SESSION_LIMIT_MS / 1_000} s.`;
    await pause(clock);
  }
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(LOOK_MS, resolve);
  });
}

/** What was written before the agent began is its predecessor's word. */
async function hasSession({ state }: RunnerFolder, version: string): Promise<boolean> {
  const { pid, status, writtenAt } = await agentStatus(state);
  const since = lockedSince(state);
  if (pid === null || status === null || writtenAt === null || since === null) return false;
  return writtenAt >= since - COARSE_MS && status.session !== null && (await isOfVersion(pid, version));
}
