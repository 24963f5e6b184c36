// The longest file of the room: one process from its start to the end of what it left behind, because the states of
// that life refer to each other.
import { closeSync, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import type { Clock } from '../kernel/clock.ts';
import type { CgroupLeaf } from './cgroup.ts';
import type { FifoPool, PipeEnds } from './fifo-pool.ts';
import { killMarked } from './marked-processes.ts';
import { allProcesses, hasEnded, isAlive, readProcess } from './process-table.ts';
import {
  TRACKING_VARIABLE,
  type ProcessExit,
  type ProcessIdentity,
  type ProcessSpec,
  type RunningProcess,
} from './running-process.ts';
import type { TreeEnder } from './tree-ender.ts';

interface Surroundings {
  readonly clock: Clock;
  readonly fifos: FifoPool;
  readonly leaf: () => CgroupLeaf | null;
  readonly oomScoreAdj: number | null;
  readonly outputWaitMs: number;
  readonly tree: TreeEnder;
}

interface EntryExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How often we look whether a tree that was asked to end has ended: soon at first, then less and less. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 25;

export class HostedProcess implements RunningProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #spec: ProcessSpec;
  readonly #around: Surroundings;
  #identity: ProcessIdentity | null = null;
  #leaf: CgroupLeaf | null = null;
  #reader: Socket | null = null;
  #entryExit: EntryExit | null = null;
  /** What was asked for, whether or not the process had started by then. */
  #asked: 'nothing' | 'stop' | 'kill' = 'nothing';
  #ending: Promise<void> | null = null;
  /** Wakes whoever looks at the tree: the entry process has ended, or a kill overtakes the ladder. */
  #news: () => void = () => undefined;
  #settled = false;

  constructor(spec: ProcessSpec, around: Surroundings) {
    this.#spec = spec;
    this.#around = around;
    this.exited = this.#live().finally(() => (this.#settled = true));
  }

  get identity(): ProcessIdentity | null {
    return this.#identity;
  }

  stop(): void {
    if (this.#asked !== 'nothing' || this.#settled) return;
    this.#asked = 'stop';
    if (this.#identity) this.#ending ??= this.#end();
  }

  kill(): void {
    if (this.#asked === 'kill' || this.#settled) return;
    this.#asked = 'kill';
    if (this.#identity) this.#ending ??= this.#end();
    this.#news();
  }

  async #live(): Promise<ProcessExit> {
    const refused = cannotStart(this.#spec);
    if (refused !== null) return this.#notStarted(refused);
    const pending = this.#around.fifos.take();
    const pipe = pending instanceof Promise ? await pending : pending;
    if (this.#wasAsked()) {
      closeEnds(pipe);
      return this.#notStarted('it was asked to end before it started');
    }

    const entry = this.#start(pipe);
    if (typeof entry === 'string') return this.#notStarted(entry);
    if (entry.pid === undefined) {
      if (pipe) closeSync(pipe.readEnd);
      return this.#notStarted(startProblem(await entry.ended, this.#spec));
    }

    const output = this.#readOutput(entry.streams, pipe);
    const result = await entry.ended;
    this.#entryExit = { exitCode: result.exitCode ?? null, signal: (result.signal ?? null) as NodeJS.Signals | null };
    this.#news();
    if (this.#ending) await this.#ending;
    const outputCut = await this.#outputEnd(output);
    // A stop that came while we waited for the output ends the leftovers now.
    if (this.#ending) await this.#ending;
    if (this.#leaf?.isEmpty() && this.#leaf.remove()) this.#leaf = null;
    return { kind: 'exited', ...this.#entryExit, stopped: this.#wasAsked(), outputCut };
  }

  /** A method, since the answer changes while others wait. */
  #wasAsked(): boolean {
    return this.#asked !== 'nothing';
  }

  #notStarted(message: string): ProcessExit {
    return { kind: 'not-started', message, stopped: this.#wasAsked() };
  }

  #start(pipe: PipeEnds | null): Entry | string {
    const { command, args, cwd, env } = this.#spec;
    const spawn = (): Entry => {
      const subprocess = execa(command, args, {
        cwd,
        env,
        ...{ extendEnv: false, detached: true, cleanup: false, buffer: false, reject: false, stripFinalNewline: false },
        stdio: (pipe ? ['ignore', pipe.writeEnd, pipe.writeEnd] : ['ignore', 'pipe', 'pipe']) as [
          'ignore',
          'pipe',
          'pipe',
        ],
      });
      return {
        pid: subprocess.pid,
        streams: pipe ? [] : [subprocess.stdout, subprocess.stderr],
        ended: subprocess as unknown as Promise<Ended>,
      };
    };
    try {
      this.#leaf = this.#around.leaf();
      const entry = this.#leaf ? this.#leaf.enter(spawn) : spawn();
      if (entry.pid !== undefined) {
        this.#identity = { pid: entry.pid, startTime: readProcess(entry.pid)?.startTime ?? null };
        this.#raiseOomScore(entry.pid);
      }
      return entry;
    } catch (error) {
      if (pipe) closeSync(pipe.readEnd);
      return (error as Error).message;
    } finally {
      if (pipe) closeSync(pipe.writeEnd);
    }
  }

  #raiseOomScore(pid: number): void {
    if (this.#around.oomScoreAdj === null) return;
    try {
      writeFileSync(`/proc/${String(pid)}/oom_score_adj`, String(this.#around.oomScoreAdj));
    } catch {
      // Ended already, no /proc, or not permitted: only the order of victims in a shortage is at stake.
    }
  }

  /** Resolves when the other side has closed the pipe. */
  #readOutput(streams: readonly Readable[], pipe: PipeEnds | null): Promise<void> {
    if (pipe) this.#reader = new Socket({ fd: pipe.readEnd, readable: true, writable: false });
    const sources = this.#reader ? [this.#reader] : streams;
    return Promise.all(
      sources.map(
        (source) =>
          new Promise<void>((resolve) => {
            source.on('data', (block: Buffer) => {
              if (!this.#settled) this.#spec.onOutput(block);
            });
            // A read error ends the stream as its end does; `close` follows both.
            source.on('error', () => undefined);
            source.once('close', () => resolve());
          }),
      ),
    ).then(() => undefined);
  }

  /** Waits for the end of the output, but not for ever: a leftover may hold the pipe. True when it was cut. */
  #outputEnd(output: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#around.clock.after(this.#around.outputWaitMs, () => {
        // What still writes must be able to go on (a server left running), so we keep reading and throw it away.
        this.#reader?.unref();
        resolve(true);
      });
      void output.then(() => {
        cancel();
        resolve(false);
      });
    });
  }

  /**
   * The ladder: SIGINT, SIGTERM, SIGKILL to the whole group, each rung until its time is over or nobody is left. When
   * the entry process has ended and others of its group have not (bash starts `cmd &` with SIGINT ignored), they get the
   * next rung at once: nobody is left whose clean-up the wait would be for. At last what left the group is killed.
   */
  async #end(): Promise<void> {
    const { interruptMs, terminateMs } = this.#spec.ladder;
    await this.#rung('SIGINT', interruptMs, 'entry');
    await this.#rung('SIGTERM', terminateMs, 'group');
    await this.#killAll();
  }

  async #rung(signal: NodeJS.Signals, ms: number, until: 'entry' | 'group'): Promise<void> {
    if (this.#asked === 'kill' || !this.#groupLives()) return;
    this.#signalGroup(signal);
    await this.#until(
      ms,
      () => this.#asked === 'kill' || (until === 'entry' && this.#entryExit !== null) || !this.#groupLives(),
    );
  }

  async #killAll(): Promise<void> {
    const gone = (): boolean => !this.#groupLives() && (this.#leaf?.isEmpty() ?? true);
    if (!gone()) {
      if (!this.#leaf?.kill()) this.#signalGroup('SIGKILL');
      await this.#around.tree.end(this.#identity?.pid ?? 0);
      // SIGKILL cannot be refused; only an uninterruptible wait in the kernel delays it.
      await this.#until(this.#around.outputWaitMs, gone);
    }
    if (!this.#leaf) await killMarked(this.#spec.env[TRACKING_VARIABLE] ?? '', 'exact', this.#around.clock);
  }

  /** Resolves as soon as the condition holds, at the latest after `ms`. */
  #until(ms: number, condition: () => boolean): Promise<void> {
    const { clock } = this.#around;
    const due = clock.monotonic() + ms;
    return new Promise((resolve) => {
      let cancel = (): void => undefined;
      let pause = FIRST_LOOK_MS;
      const look = (): void => {
        cancel();
        const left = due - clock.monotonic();
        if (condition() || left <= 0) {
          this.#news = () => undefined;
          resolve();
          return;
        }
        cancel = clock.after(Math.min(pause, left), look);
        pause = Math.min(pause * 2, LAST_LOOK_MS);
      };
      this.#news = look;
      look();
    });
  }

  #groupLives(): boolean {
    const pid = this.#identity?.pid;
    if (pid === undefined) return false;
    if (this.#leaf) return this.#leaf.members().some((member) => readProcess(member)?.group === pid);
    try {
      process.kill(-pid, 0);
    } catch {
      // No such group: not even a zombie.
      return false;
    }
    for (const row of allProcesses()) if (row.group === pid && !hasEnded(row)) return true;
    return false;
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const pid = this.#identity?.pid;
    if (pid === undefined || pid <= 1) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group has ended in between.
    }
  }

  /** Ends what still lives of it, at the end of the job. */
  async endLeftovers(): Promise<{ pid: number; name: string }[]> {
    const leaf = this.#leaf;
    const pid = this.#identity?.pid;
    if (pid === undefined) return [];
    const rows = leaf
      ? leaf.members().flatMap((member) => readProcess(member) ?? [])
      : this.#groupLives() && !isReused(this.#identity)
        ? [...allProcesses()].filter((row) => row.group === pid && !hasEnded(row))
        : [];
    if (rows.length === 0) return [];
    if (!leaf?.kill()) this.#signalGroup('SIGKILL');
    await this.#until(this.#around.outputWaitMs, () => !this.#groupLives() && (leaf?.isEmpty() ?? true));
    return rows.map((row) => ({ pid: row.pid, name: row.name }));
  }

  dispose(): void {
    this.#reader?.destroy();
    this.#reader = null;
    this.#leaf?.remove();
    this.#leaf = null;
  }
}

interface Ended {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly code?: string;
  readonly originalMessage?: string;
  readonly message?: string;
}

interface Entry {
  readonly pid: number | undefined;
  /** Empty when the output comes through a FIFO. */
  readonly streams: readonly Readable[];
  readonly ended: Promise<Ended>;
}

/** The leader's pid belongs to another process by now, so the group of that number is not ours. */
function isReused(identity: ProcessIdentity | null): boolean {
  if (identity === null) return true;
  const row = readProcess(identity.pid);
  return row !== null && row.startTime !== identity.startTime && !isAlive(identity);
}

function closeEnds(pipe: PipeEnds | null): void {
  if (!pipe) return;
  closeSync(pipe.readEnd);
  closeSync(pipe.writeEnd);
}

/** What would make the start fail with a message that names the wrong thing (a missing folder reads as a missing command). */
function cannotStart({ cwd }: ProcessSpec): string | null {
  try {
    return statSync(cwd).isDirectory() ? null : `the working directory '${cwd}' is not a folder`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? `the working directory '${cwd}' does not exist`
      : `the working directory '${cwd}' cannot be entered (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
}

function startProblem(ended: Ended, { command }: ProcessSpec): string {
  switch (ended.code ?? '') {
    case 'ENOENT':
      return `there is no command '${command}'`;
    case 'EACCES':
      return `'${command}' may not be executed`;
    case 'E2BIG':
      return `the environment and arguments of '${command}' are larger than the system allows`;
    default:
      return `'${command}' could not be started (${ended.code ?? ended.originalMessage ?? 'unknown reason'})`;
  }
}
