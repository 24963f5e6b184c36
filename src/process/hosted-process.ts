import type { Clock } from '../kernel/clock.ts';
import { Pulse } from '../kernel/pulse.ts';
import { endTree } from './end-tree.ts';
import type { FifoPool } from './fifo-pool.ts';
import { ProcessOutput } from './process-output.ts';
import { readProcess } from './process-table.ts';
import type { EntryProcess, ProcessTree, ProcessTrees } from './process-tree.ts';
import {
  TRACKING_VARIABLE,
  type ProcessExit,
  type ProcessIdentity,
  type ProcessSpec,
  type RunningProcess,
} from './running-process.ts';
import { startProcess, type EntryExit } from './start-process.ts';
import { describeStartProblem } from './start-problem.ts';

/** What the processes of one job have in common. */
export interface Premises {
  readonly clock: Clock;
  readonly fifos: FifoPool;
  readonly trees: ProcessTrees;
  readonly oomScoreAdj: number | null;
  readonly outputWaitMs: number;
}

/**
 * ```
 * waiting for a pipe ─► running ─► its output ends, or is cut ─► settled
 *        │                 └─stop─► the ladder ─► its output ends, or is cut ─► settled
 *        └─stop─► not started
 * ```
 */
export class HostedProcess implements RunningProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #spec: ProcessSpec;
  readonly #premises: Premises;
  readonly #pulse = new Pulse();
  #wish: 'run' | 'stop' | 'kill' = 'run';
  #identity: ProcessIdentity | null = null;
  #output: ProcessOutput | null = null;
  #exit: EntryExit | null = null;
  #settled = false;

  constructor(spec: ProcessSpec, premises: Premises) {
    this.#spec = spec;
    this.#premises = premises;
    this.exited = this.#live();
  }

  get identity(): ProcessIdentity | null {
    return this.#identity;
  }

  stop(): void {
    if (this.#wish === 'run') this.#ask('stop');
  }

  kill(): void {
    this.#ask('kill');
  }

  /** Nothing more is to come of it, and nothing to be closed. */
  get isOver(): boolean {
    return this.#settled && (this.#output?.ended ?? true);
  }

  /** Closes its output even when something still holds it; call when nothing of it is to be read any more. */
  close(): void {
    this.#output?.close();
  }

  #ask(wish: 'stop' | 'kill'): void {
    if (this.#settled) return;
    this.#wish = wish;
    this.#pulse.wake();
  }

  async #live(): Promise<ProcessExit> {
    const { fifos, trees, oomScoreAdj } = this.#premises;
    let pipe;
    try {
      pipe = fifos.take();
      if (pipe instanceof Promise) pipe = await pipe;
      for (let easing = trees.easing(); easing !== null; easing = trees.easing()) await easing;
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
      return this.#notStarted(await describeStartProblem(this.#spec, code));
    }
    const output = new ProcessOutput(pipe, this.#spec.onOutput, () => this.#pulse.wake());
    if (this.#stopAsked()) {
      output.abandon();
      return this.#notStarted('It was asked to end before it had started.');
    }

    const leaf = trees.leaf();
    const start = startProcess(this.#spec, output.stdio, leaf, oomScoreAdj);
    if (start.kind === 'failed') {
      output.abandon();
      leaf?.remove();
      return this.#notStarted(await describeStartProblem(this.#spec, await start.code));
    }
    const entry: EntryProcess = {
      pid: start.pid,
      // Until the event loop takes notice of its end the pid is its own, whatever has become of it.
      startTime: readProcess(start.pid)?.startTime ?? null,
      name: this.#spec.command,
      tracking: this.#spec.env[TRACKING_VARIABLE] ?? null,
      lives: () => this.#exit === null,
    };
    start.onExit((exit) => {
      this.#exit = exit;
      trees.ease();
      this.#pulse.wake();
    });
    this.#identity = { pid: entry.pid, startTime: entry.startTime };
    this.#output = output;
    output.read(start.streams);
    if (leaf && !start.leaf) leaf.remove();
    return this.#untilSettled(entry, trees.treeOf(entry, start.leaf), output);
  }

  async #untilSettled(entry: EntryProcess, tree: ProcessTree, output: ProcessOutput): Promise<ProcessExit> {
    const { clock } = this.#premises;
    const stopAsked = (): boolean => this.#stopAsked();
    await this.#pulse.until(() => this.#exit !== null || stopAsked());
    await this.#outputEnd(output, stopAsked);
    if (stopAsked()) {
      const killAsked = (): boolean => this.#wish === 'kill';
      await endTree({ tree, entry, ladder: this.#spec.ladder, clock, pulse: this.#pulse, killAsked });
      await this.#outputEnd(output, () => false);
    }
    this.#settled = true;
    const outputCut = !output.ended;
    if (outputCut) output.discard();
    tree.leave();
    const { exitCode, signal } = this.#exit ?? { exitCode: null, signal: null };
    return { kind: 'exited', exitCode, signal, stopped: this.#stopAsked(), outputCut };
  }

  /** Waits until no writer is left, but not for ever: what was left behind may hold the pipe. */
  async #outputEnd(output: ProcessOutput, enough: () => boolean): Promise<void> {
    const over = (): boolean => output.ended || enough();
    if (over()) return;
    let late = false;
    const cancel = this.#premises.clock.after(this.#premises.outputWaitMs, () => {
      late = true;
      this.#pulse.wake();
    });
    await this.#pulse.until(() => late || over());
    cancel();
  }

  #stopAsked(): boolean {
    return this.#wish !== 'run';
  }

  #notStarted(message: string): ProcessExit {
    this.#settled = true;
    return { kind: 'not-started', message, stopped: this.#stopAsked() };
  }
}
