import { execa, type Options, type Result, type Subprocess } from 'execa';
import type { Cgroup } from './cgroup.ts';
import { withOomScore } from './oom-score.ts';
import type { ChildStdio } from './process-output.ts';
import type { ProcessSpec } from './running-process.ts';
import type { Readable } from 'node:stream';

export interface EntryExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

const UNKNOWN = 'unknown reason';

type Child = Subprocess & Promise<Result>;

export type Start =
  | {
      readonly kind: 'started';
      readonly pid: number;
      /** Where it was born; null when that was not possible. */
      readonly leaf: Cgroup | null;
      /** stdout and stderr, where those are Node's own pipes. */
      readonly streams: readonly (Readable | null)[];
      readonly onExit: (listener: (exit: EntryExit) => void) => void;
    }
  /** `code` is the system's or Node's, such as ENOENT. */
  | { readonly kind: 'failed'; readonly code: Promise<string> };

/**
 * Starts the process, synchronously, as the leader of a session and group of its own. Never throws. All that could
 * cost is off: no buffers, no transforms, no exit hook; on file descriptors it costs a tenth more than a bare spawn.
 */
export function startProcess(
  spec: ProcessSpec,
  stdio: ChildStdio,
  leaf: Cgroup | null,
  oomScore: number | null,
): Start {
  const spawn = (): Child => withOomScore(oomScore, () => spawnChild(spec, stdio));
  try {
    const { entered, value: child } = leaf ? leaf.enter(spawn) : { entered: false, value: spawn() };
    if (child.pid === undefined) return { kind: 'failed', code: child.then(({ code }) => code ?? UNKNOWN) };
    return {
      kind: 'started',
      pid: child.pid,
      leaf: entered ? leaf : null,
      streams: [child.stdout, child.stderr],
      onExit: (listener) => void child.once('exit', (exitCode, signal) => listener({ exitCode, signal })),
    };
  } catch (error) {
    // Options that it refuses to pass on to the system at all, such as a NUL in a path.
    return { kind: 'failed', code: Promise.resolve((error as NodeJS.ErrnoException).code ?? UNKNOWN) };
  }
}

function spawnChild({ command, args, cwd, env }: ProcessSpec, stdio: ChildStdio): Child {
  const options: Options = {
    cwd,
    env,
    extendEnv: false,
    // Its types know only the first few descriptors by number.
    stdio: stdio as ['ignore', 'pipe', 'pipe'],
    buffer: false,
    stripFinalNewline: false,
    reject: false,
    cleanup: false,
    // On Windows it would open a console window; there is no group to make either.
    detached: process.platform !== 'win32',
    windowsHide: true,
  };
  return execa(command, args, options);
}
