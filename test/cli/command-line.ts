import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CLI } from '../support/run-workflow.ts';

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own with what the command line needs around it; `tmp` must be empty at the end. */
export class CommandLine {
  readonly root: string;
  readonly workspace: string;

  private constructor(root: string) {
    this.root = root;
    this.workspace = join(root, 'workspace');
  }

  static async open(files: Readonly<Record<string, string>> = {}): Promise<CommandLine> {
    const line = new CommandLine(await realpath(await mkdtemp(join(tmpdir(), 'paceline-cli-test-'))));
    for (const name of ['workspace', 'tmp', 'home']) await mkdir(join(line.root, name));
    for (const [name, content] of Object.entries(files)) await line.write(name, content);
    return line;
  }

  async write(name: string, content: string): Promise<void> {
    await mkdir(dirname(join(this.workspace, name)), { recursive: true });
    await writeFile(join(this.workspace, name), content);
  }

  get environment(): Record<string, string> {
    return { PATH: process.env.PATH ?? '', HOME: join(this.root, 'home'), TMPDIR: join(this.root, 'tmp') };
  }

  /** Runs `paceline` in the workspace to its end. */
  run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.shell('"$NODE" "$CLI" "$@"', args, environment);
  }

  /** The same as part of a script, which has `$NODE`, `$CLI` and the arguments. */
  shell(
    script: string,
    args: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const child = spawn('bash', ['-c', script, 'bash', ...args], {
      cwd: this.workspace,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.environment, NODE: process.execPath, CLI, ...environment },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
    });
  }

  /** Removes everything. Throws when something was left in the temporary folder. */
  async close(): Promise<void> {
    const left = await readdir(join(this.root, 'tmp'));
    await rm(this.root, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left in TMPDIR: ${left.join(', ')}`);
  }
}
