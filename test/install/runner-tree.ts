/** An installed runner as its users have it, in a folder whose path has a space, and what is run in it. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LAYOUT = fileURLToPath(new URL('../../scripts/layout', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class RunnerTree {
  /** Of this suite; `original` is in it. */
  readonly directory: string;
  readonly original: string;
  #copies = 0;

  private constructor(directory: string) {
    this.directory = directory;
    this.original = join(directory, 'the runner');
  }

  /** Laid out once for a suite: it takes seconds. */
  static async open(): Promise<RunnerTree> {
    const tree = new RunnerTree(await realpath(await mkdtemp(join(tmpdir(), 'paceline-install-'))));
    execFileSync(LAYOUT, ['--node', process.execPath, tree.original], { stdio: ['ignore', 'inherit', 'inherit'] });
    return tree;
  }

  /** Another folder with the same files: their bytes are shared, what is made in it is its own. */
  copy(): string {
    const folder = join(this.directory, `runner ${++this.#copies}`);
    execFileSync('cp', [...(process.platform === 'linux' ? ['-al'] : ['-R']), this.original, folder]);
    return folder;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Runs a program to its end, with nothing of this process's environment but what is given. */
export function runProgram(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  options: { readonly directory?: string; readonly input?: string; readonly uid?: number } = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: options.directory ?? '/',
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', RUNNER_ALLOW_RUNASROOT: '1', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
