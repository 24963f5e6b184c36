import { spawn } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import type { Readable } from 'node:stream';
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
/** Of what a script prints, from its end. */
const PRINTED_CHARACTERS = 300;
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
    const child = spawn(script, [], { env: { ...environment }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let late = false;
    let printed = '';
    // A process that could not be started for want of descriptors has none.
    const streams = [child.stdout, child.stderr] as readonly (Readable | undefined)[];
    for (const stream of streams)
      stream?.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-PRINTED_CHARACTERS)));
    const killGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Nothing is left of it.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      killGroup();
      // What left the group may still hold them.
      for (const stream of streams) stream?.destroy();
    }, SCRIPT_MS);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve(`the health script cannot be started: ${error.message}`);
    });
    // What it left running would hold the pipes open, and be joined by another at every look.
    child.once('exit', killGroup);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (late) resolve(`the health script ${script} did not end within ${SCRIPT_MS / 1_000} s`);
      else resolve(code === 0 ? null : `the health script ${script} ended with ${code ?? signal}${lastLine(printed)}`);
    });
  });
}

/** What a script says last is why it failed. */
function lastLine(printed: string): string {
  const line = printed.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : `: ${line}`;
}
