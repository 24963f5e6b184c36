/**
 * A Docker engine for tests: in mount, network and process namespaces of its own, with its files in a folder of its own.
 * It ends with whoever holds the other end of its standard input, so nothing of it outlives a test that crashes.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PREFIX = 'paceline-docker-';
const FETCH = fileURLToPath(new URL('../../scripts/fetch-docker', import.meta.url));
const NAMESPACES = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const CGROUPS = '/sys/fs/cgroup';
/** No machine needs so long. */
const START_LIMIT_MS = 60_000;

/** What ends with its standard input, and takes all processes of the namespace along. $1: folder, $2: control group. */
const INIT = `
  set -e
  mount -t tmpfs tmpfs /run
  ip link set lo up
  exec 3<&0 </dev/null
  dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock" \\
    --cgroup-parent "/$2" --exec-opt native.cgroupdriver=cgroupfs >"$1/log" 2>&1 &
  read -r _ <&3 || :
`;

/** Why there can be none here, with the way out; null: there can. */
export function engineProblem(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root for a Docker engine';
  if (programsFolder() === null) return 'needs the parts of a Docker engine: scripts/fetch-docker';
  if (spawnSync('unshare', [...NAMESPACES, 'true'], { stdio: 'ignore' }).status !== 0)
    return 'needs a Docker engine, which needs the right to make namespaces';
  return null;
}

/** Where the programs of the engine are found; and tini, which images need as well. */
export function enginePath(): string {
  const folder = programsFolder();
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  return folder ? `${join(folder, 'bin')}:${path}` : path;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class DockerEngine {
  /** For files of the test that the engine is to see; goes at the end. */
  readonly folder: string;
  /** Of programs that are to find the engine. */
  readonly #environment: Readonly<Record<string, string>>;
  readonly #init: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(folder: string, path: string, init: ChildProcess) {
    this.folder = folder;
    this.#environment = {
      PATH: path,
      HOME: folder,
      DOCKER_HOST: `unix://${join(folder, 'docker.sock')}`,
      DOCKER_BUILDKIT: '0',
    };
    this.#init = init;
    this.#ended = new Promise((resolve) => init.once('exit', resolve));
  }

  static async start(): Promise<DockerEngine> {
    await removeAbandoned();
    const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
    const path = enginePath();
    const programs = programsFolder();
    const libraries = programs ? await libraryFolders(programs) : [];
    const init = spawn('unshare', [...NAMESPACES, 'bash', '-c', INIT, 'bash', folder, cgroupOf(folder)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {
        PATH: path,
        HOME: folder,
        LD_LIBRARY_PATH: libraries.join(':'),
        ...(libraries[0] === undefined ? {} : { XTABLES_LIBDIR: join(libraries[0], 'xtables') }),
      },
    });
    const engine = new DockerEngine(folder, path, init);
    await engine.#ready();
    return engine;
  }

  /** What the command printed, without the last line break. Rejects with what it complained about. */
  async docker(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(words);
    if (code !== 0) throw new Error(`docker ${words.join(' ')}: ${String(code)} ${stderr}${stdout}`);
    return stdout.trimEnd();
  }

  attempt(words: readonly string[], input = ''): Promise<Outcome> {
    return this.run('docker', words, input);
  }

  /** A program that may ask the engine. */
  run(program: string, words: readonly string[], input = ''): Promise<Outcome> {
    const child = spawn(program, words, { env: this.#environment, stdio: ['pipe', 'pipe', 'pipe'] });
    // A command that does not read may be gone by then.
    child.stdin.on('error', () => undefined).end(input);
    return outcomeOf(child);
  }

  /** Resolves with the first line, said from the container's beginning on, that matches. Rejects when there is none. */
  said(container: string, pattern: RegExp): Promise<string> {
    return this.#line(['logs', '--follow', container], pattern).line;
  }

  /** Resolves when the engine finds the container healthy, or has found it so. Rejects with what it said when it ends. */
  async healthy(container: string): Promise<void> {
    const since = (Date.now() / MS_PER_SECOND).toFixed(3);
    const words = ['events', '--since', since, '--filter', `container=${container}`];
    words.push('--filter', 'event=health_status', '--filter', 'event=die', '--format', '{{.Status}}');
    const change = this.#line(words, /: healthy$|^die$/);
    const now = await this.docker('inspect', '--format', '{{.State.Status}} {{.State.Health.Status}}', container);
    if (now.startsWith('running') && !now.endsWith(' healthy') && (await change.line) !== 'die') return;
    change.stop();
    if (now === 'running healthy') return;
    const { stdout, stderr } = await this.attempt(['logs', container]);
    throw new Error(`the container ${container} has ended: ${stdout}${stderr}`);
  }

  /** `stop`: nobody waits for it any more. */
  #line(words: readonly string[], pattern: RegExp): { readonly line: Promise<string>; stop(): void } {
    const child = spawn('docker', words, { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const line = new Promise<string>((resolve, reject) => {
      const take = (line: string): void => {
        if (!pattern.test(line)) return;
        resolve(line);
        child.kill();
      };
      for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take);
      child.once('error', reject);
      child.once('close', () => reject(new Error(`docker ${words.join(' ')} said nothing like ${String(pattern)}`)));
    });
    line.catch(() => undefined);
    return { line, stop: () => void child.kill() };
  }

  /** Makes an image of a tar stream; resolves with its name. */
  async importImage(name: string, tar: ChildProcess): Promise<string> {
    const child = spawn('docker', ['import', '-', name], {
      env: this.#environment,
      stdio: [tar.stdout!, 'pipe', 'pipe'],
    });
    // The stream is the child's now.
    tar.stdout?.destroy();
    const { code, stderr } = await outcomeOf(child);
    if (code !== 0) throw new Error(`docker import: ${stderr}`);
    return name;
  }

  /** Resolves with what is left behind, which is nothing. */
  async close(): Promise<string[]> {
    this.#init.stdin?.end();
    await this.#ended;
    return remove(this.folder);
  }

  async #ready(): Promise<void> {
    const end = performance.now() + START_LIMIT_MS;
    const ended = this.#ended.then(() => 'ended');
    while (performance.now() < end) {
      if (existsSync(join(this.folder, 'docker.sock')) && (await this.attempt(['version'])).code === 0) return;
      if ((await Promise.race([ended, pause(RETRY_MS)])) === 'ended') break;
    }
    const log = await readFile(join(this.folder, 'log'), 'utf8').catch(String);
    await this.close();
    throw new Error(`the Docker engine did not start: ${log.slice(-2_000)}`);
  }
}

const RETRY_MS = 50;
const MS_PER_SECOND = 1_000;

/** Where fetched parts lie; '': all are on the PATH; null: there are none. */
function programsFolder(): string | null {
  const { status, stdout } = spawnSync(FETCH, ['--print'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** The libraries of the fetched packages, by the name of the architecture. */
async function libraryFolders(programs: string): Promise<string[]> {
  const root = join(programs, 'root/usr/lib');
  const names = await readdir(root);
  return names.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(root, name));
}

function cgroupOf(folder: string): string {
  return folder.slice(tmpdir().length + 1);
}

/** Of tests whose process is gone: their engine went with it, their files did not. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, owner] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) await remove(join(tmpdir(), name));
  }
}

/** The folder and the control groups. The namespaces are gone, and all mounts with them. */
async function remove(folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: RETRY_MS });
  const left: string[] = existsSync(folder) ? [folder] : [];
  for (const root of [CGROUPS, ...readdirSync(CGROUPS).map((name) => join(CGROUPS, name))]) {
    const group = join(root, cgroupOf(folder));
    if (existsSync(group)) removeGroup(group, left);
  }
  return left;
}

function removeGroup(group: string, left: string[]): void {
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(group, entry.name), left);
  try {
    rmdirSync(group);
  } catch (error) {
    left.push(`${group}: ${(error as Error).message}`);
  }
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' };
  child.stdout?.on('data', (bytes: Buffer) => (texts.stdout += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (texts.stderr += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
}

function pause(ms: number): Promise<'late'> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, 'late');
  });
}
