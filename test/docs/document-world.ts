/** A machine of its own for the commands of one document: a home, a folder with workflows, a port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/control-plane.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';
import { CLI } from '../support/run-workflow.ts';
import { GitRepository } from '../server/runs/git-repository.ts';

export interface CommandEnd {
  readonly code: number | null;
  readonly output: string;
}

interface Standing {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandEnd>;
}

/** Passes, and has what the documents ask for: a job `build` with a step "Run tests", which fails the first time. */
const CI = `
name: CI
on: push
jobs:
  build:
    runs-on: self-hosted
    steps:
      - name: Run tests
        run: echo "out of memory"
`;
const FAILS_ONCE = `${CI}      - run: test "\${{ github.run_attempt }}" -gt 1\n`;
/** Waits for everything that can be asked of a run. */
const WAITS = `
name: Waits
on: push
jobs:
  deploy:
    runs-on: self-hosted
    wait-for: { signal: approved }
    steps: [{ run: ":" }]
  build:
    runs-on: nobody
    strategy: { matrix: { n: [1, 2] } }
    steps: [{ run: ":" }]
  evidence:
    runs-on: self-hosted
    region: evidence
    wait-for: { signal: never }
    steps: [{ run: ":" }]
  ticks:
    runs-on: nobody
    wait-for: { signal: tick }
    steps: [{ run: ":" }]
  probes:
    runs-on: nobody
    strategy: { dynamic: true, matrix: { host: [z] } }
    steps: [{ run: ":" }]
`;

/** Of a server's data, apart from its backup: docs/operate.md. */
const KEPT = ['secrets.key', 'admin-token'];

export class DocumentWorld {
  readonly #directory: string;
  readonly #port: number;
  readonly #repository: GitRepository;
  readonly #marker = randomUUID();
  readonly #standing = new Map<string, Standing>();
  /** A run that waits for what the documents ask of it, once there is one. */
  waitingRun: string | null = null;

  private constructor(directory: string, port: number, repository: GitRepository) {
    this.#directory = directory;
    this.#port = port;
    this.#repository = repository;
  }

  static async open(): Promise<DocumentWorld> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'paceline-docs-')));
    const repository = await GitRepository.create();
    await repository.commit({ '.github/workflows/ci.yml': CI });
    const world = new DocumentWorld(directory, await freePort(), repository);
    const shim = `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`;
    await world.#write('bin/paceline', shim, 0o755);
    await world.#write('work/scripts/paceline', shim, 0o755);
    await world.#write('work/.github/workflows/ci.yml', CI);
    await world.#write('work/fails-once.yml', FAILS_ONCE);
    await world.#write('work/waits.yml', WAITS);
    await cp(fileURLToPath(new URL('../../examples', import.meta.url)), join(directory, 'work/examples'), {
      recursive: true,
    });
    for (const folder of ['home', 'tmp']) await mkdir(join(directory, folder));
    return world;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Runs a command to its end. */
  async run(command: string): Promise<CommandEnd> {
    return this.#spawn(this.#here(command)).ended;
  }

  /** Starts a command that stays, in the place of the one of that name; resolves when it has said the text. */
  async stand(name: string, command: string, until: RegExp): Promise<void> {
    await this.stop(name);
    const standing = this.#spawn(`exec ${this.#here(command)}`);
    this.#standing.set(name, standing);
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const read = (text: string): void => {
        output += text;
        if (until.test(output)) resolve();
      };
      standing.child.stdout?.on('data', read);
      standing.child.stderr?.on('data', read);
      void standing.ended.then(({ code }) => {
        this.#standing.delete(name);
        reject(new Error(`'${command}' ended with ${String(code)}: ${output}`));
      });
    });
  }

  isStanding(name: string): boolean {
    return this.#standing.has(name);
  }

  /** Asks it to end. @throws unless it ends well. */
  async stop(name: string): Promise<void> {
    const standing = this.#standing.get(name);
    if (standing === undefined) return;
    standing.child.kill('SIGTERM');
    const { code, output } = await standing.ended;
    this.#standing.delete(name);
    if (code !== 0) throw new Error(`${name} ended with ${String(code)}: ${output}`);
  }

  /** What is lost with a disk; the key of the secrets and the admin token were kept elsewhere. */
  async loseData(): Promise<void> {
    const data = join(this.#directory, 'home/.local/share/paceline/server');
    for (const name of await readdir(data)) if (!KEPT.includes(name)) await rm(join(data, name), { recursive: true });
  }

  /** Ends what stands, and says what is left behind. */
  async end(): Promise<readonly { readonly name: string }[]> {
    // Agents first: they say good-bye to their server.
    for (const name of [...this.#standing.keys()].reverse()) await this.stop(name);
    return livingWith(this.#marker);
  }

  async close(): Promise<void> {
    for (const { pid } of await livingWith(this.#marker)) process.kill(pid, 'SIGKILL');
    await this.#repository.remove();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** What stands for something else in the documents. */
  #here(command: string): string {
    return command
      .replace(/(?<=--server )(?:https:\/\/ci\.example\.org|URL|http:\/\/127\.0\.0\.1:7380)/, this.url)
      .replace(/(?<=--listen [\d.]+:)7380/, String(this.#port))
      .replace('/backups/', `${this.#directory}/backups-`)
      .replace('REPOSITORY', this.#repository.url);
  }

  #spawn(command: string): Standing {
    const child = spawn('bash', ['-c', command], {
      cwd: join(this.#directory, 'work'),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: `${join(this.#directory, 'bin')}:${process.env.PATH ?? ''}`,
        HOME: join(this.#directory, 'home'),
        TMPDIR: join(this.#directory, 'tmp'),
        PACELINE_SERVER_LISTEN: `127.0.0.1:${this.#port}`,
        [MARKER]: this.#marker,
      },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const ended = new Promise<CommandEnd>((resolve) => child.once('close', (code) => resolve({ code, output })));
    return { child, ended };
  }

  async #write(name: string, text: string, mode = 0o644): Promise<void> {
    const path = join(this.#directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await chmod(path, mode);
  }
}
