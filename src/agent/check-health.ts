import { spawn } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import type { HealthProblem } from './agent-ports.ts';

export interface HealthOptions {
  /** On its disk has to be room. */
  readonly directory: string;
  readonly minFreeBytes: number;
  readonly script: string | null;
  readonly environment: Readonly<Record<string, string>>;
}

/** A script that takes longer counts as failed: one that hangs says nothing good. */
const SCRIPT_MS = 30_000;
const MB = 1024 * 1024;

/** Null: work may be taken. Never rejects. */
export async function checkHealth(options: HealthOptions): Promise<HealthProblem | null> {
  const disk = await diskProblem(options);
  if (disk !== null) return { kind: 'disk', message: disk };
  const script = await scriptProblem(options);
  return script === null ? null : { kind: 'script', message: script };
}

async function diskProblem({ directory, minFreeBytes }: HealthOptions): Promise<string | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    const free = bavail * bsize;
    if (free >= minFreeBytes) return null;
    return `the disk of ${directory} has ${Math.floor(free / MB)} MB free, less than ${Math.floor(minFreeBytes / MB)} (agent.minFreeDiskMb)`;
  } catch (error) {
    return `the disk of ${directory} cannot be looked at: ${(error as Error).message}`;
  }
}

/** In a group of its own, so that all of it can be ended. */
function scriptProblem({ script, environment }: HealthOptions): Promise<string | null> {
  if (script === null) return Promise.resolve(null);
  return new Promise((resolve) => {
    const child = spawn(script, [], { env: { ...environment }, detached: true, stdio: 'ignore' });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, SCRIPT_MS);
    const end = (problem: string | null): void => {
      clearTimeout(timer);
      resolve(problem);
    };
    child.once('error', (error) => end(`the health script cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (late) end(`the health script ${script} did not end within ${SCRIPT_MS / 1_000} s`);
      else end(code === 0 ? null : `the health script ${script} ended with ${code ?? signal}`);
    });
  });
}
