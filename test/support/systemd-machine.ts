/**
 * A machine that systemd runs, in namespaces of its own, see test/systemd/machine.sh. It has this machine's network, and
 * a copy of its files in memory. It ends with the process that opened it, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, rmdirSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cgroupMount } from './systemd-problem.ts';

const PREFIX = 'paceline-machine-';
const SCRIPT = fileURLToPath(new URL('../systemd/machine.sh', import.meta.url));
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** What a login by `sudo` has. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const ALL_NAMESPACES = ['--mount', '--pid', '--ipc', '--uts', '--cgroup', '--root', '--wdns=/'];

export interface CommandOptions {
  /** Default: root. */
  readonly user?: string;
  /** There. Default: `/`. */
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export class SystemdMachine {
  readonly #folder: string;
  readonly #script: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;
  #complaints = '';
  #process: number | null = null;
  #ended = Promise.resolve();

  private constructor(folder: string, script: ChildProcess) {
    this.#folder = folder;
    this.#script = script;
    this.#answers = createInterface({ input: script.stdout! })[Symbol.asyncIterator]();
    script.stderr!.on('data', (bytes: Buffer) => (this.#complaints += bytes.toString()));
    this.#exited = new Promise((resolve) => script.once('exit', resolve));
  }

  /** It is made, and not yet booted. */
  static async open(): Promise<SystemdMachine> {
    removeAbandoned();
    const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
    const cgroup = join(cgroupMount()!, basename(folder));
    const words = ['--pdeathsig', 'TERM', 'unshare', '--mount', '--propagation', 'private', 'bash', SCRIPT];
    const script = spawn('setpriv', [...words, folder, cgroup, CHECKOUT], { stdio: 'pipe', env: { PATH } });
    return new SystemdMachine(folder, script);
  }

  /** Resolves when all that starts with the machine has been started. */
  async boot(): Promise<void> {
    this.#script.stdin!.write('boot\n');
    this.#process = Number((await this.#answer('process')).split(' ')[1]);
    await this.#answer('booted');
    this.#ended = this.#answer('ended').then(() => {
      this.#process = null;
    });
  }

  /** Resolves when it has gone down by itself, or by {@link cutPower}. {@link boot} starts it again. */
  down(): Promise<void> {
    return this.#ended;
  }

  /** Nothing is asked, nothing is written. */
  async cutPower(): Promise<void> {
    process.kill(this.#running(), 'SIGKILL');
    await this.down();
  }

  /** Runs a line of shell. */
  async run(line: string, options: CommandOptions = {}): Promise<Outcome> {
    const { user = 'root', directory = '/', environment = {}, input = '' } = options;
    const home = user === 'root' ? '/root' : `/home/${user}`;
    const variables = Object.entries({ PATH, HOME: home, USER: user, LC_ALL: 'C.UTF-8', ...environment });
    const { exitCode, stdout, stderr } = await execa(
      'nsenter',
      [
        ...[`--target=${this.#running()}`, ...ALL_NAMESPACES, '--', 'setpriv', '--reuid', user, '--regid', user],
        ...['--init-groups', 'env', '-i', '-C', directory, ...variables.map(([name, value]) => `${name}=${value}`)],
        ...['sh', '-c', line],
      ],
      { reject: false, input },
    );
    return { code: exitCode, stdout, stderr };
  }

  /** What a line of shell prints. @throws Error when it fails. */
  async ask(line: string, options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(line, options);
    if (code !== 0) throw new Error(`${line}: ended with ${String(code)}\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** A path of the machine as this one sees it, while it runs. */
  path(inside: string): string {
    return `/proc/${this.#running()}/root${inside}`;
  }

  /** Every path that has been made, changed or removed since it was opened, in memory (`/run`, `/tmp`) or not. */
  async changedFiles(): Promise<string[]> {
    const upper = `/proc/${this.#script.pid!}/root${this.#folder}/upper`;
    const inMemory = ['/run', '/tmp', '/dev/shm'].map((path) => this.path(path));
    const { stdout } = await execa('find', [upper, ...inMemory]);
    const prefixes = [upper, this.path('')];
    return stdout.split('\n').map((path) => path.slice(prefixes.find((prefix) => path.startsWith(prefix))!.length));
  }

  /** Power off, and nothing is left of it. */
  async close(): Promise<void> {
    if (this.#process !== null) await this.cutPower();
    this.#script.stdin!.end();
    await this.#exited;
    await rmdir(this.#folder);
  }

  #running(): number {
    if (this.#process === null) throw new Error('the machine is off');
    return this.#process;
  }

  async #answer(word: string): Promise<string> {
    const next = await this.#answers.next();
    if (next.done !== true && next.value.split(' ')[0] === word) return next.value;
    throw new Error(`no '${word}' from the machine, but '${String(next.value)}': ${this.#complaints}`);
  }
}

/** What is left of machines whose script was killed. */
function removeAbandoned(): void {
  const remove = (folder: string): void => {
    for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
      remove(join(folder, name));
    rmdirSync(folder);
  };
  for (const place of [tmpdir(), cgroupMount()!])
    for (const name of readdirSync(place)) {
      const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
      if (owner === undefined || isAlive(Number(owner))) continue;
      try {
        remove(join(place, name));
      } catch {
        // Its script is about to.
      }
    }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Whoever may boot a machine may signal every process.
    return false;
  }
}
