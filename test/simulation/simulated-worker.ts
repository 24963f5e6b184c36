import { createHash } from 'node:crypto';
import type { WorkerAssignment } from '../../src/agent/agent-ports.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { StepPlan } from '../../src/protocol/plan.ts';
import type { StepReport } from '../../src/protocol/report.ts';
import type { ToWorker } from '../../src/protocol/worker-link.ts';
import type { History } from './history.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Where a worker writes; each answers with what there is now. */
export interface WorkerDisk {
  append(record: AttemptRecord): void;
  /** Number of the last record, all of which are on the disk then. */
  syncRecords(): number;
  log(step: number, bytes: Buffer): number;
  syncLogs(): void;
}

interface World {
  readonly time: VirtualTime;
  readonly history: History;
  readonly random: SeededRandom;
}

/** What a step is to do: `sim MS EXIT BYTES` in its `run`. */
interface StepScript {
  readonly ms: number;
  readonly exitCode: number;
  readonly bytes: number;
}

/**
 * A worker of which the journal, the logs and the manners are real and the job is a play: steps take their time, print
 * and end; background steps run beside the others until a wait.
 */
export class SimulatedWorker {
  readonly pid: number;
  readonly attempt: string;
  readonly exited: Promise<void>;
  readonly logLengths = new Map<number, number>();
  waiting = true;
  seq = 0;
  readonly #world: World;
  readonly #listeners: (() => void)[] = [];
  #leave: () => void = () => undefined;
  readonly #life = { over: false };
  #stop: 'no' | 'cancel' | 'kill' = 'no';
  #wakeStop: (() => void)[] = [];
  #endLease: () => void = () => undefined;
  #disk: WorkerDisk | null = null;

  constructor({ pid, attempt }: { readonly pid: number; readonly attempt: string }, world: World) {
    this.pid = pid;
    this.attempt = attempt;
    this.#world = world;
    this.exited = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  begin(assignment: WorkerAssignment, disk: WorkerDisk): void {
    this.waiting = false;
    if (assignment.leaseMs !== undefined) this.#lease(assignment.leaseMs);
    this.#disk = disk;
    // What the agent wrote before: `job-started`.
    this.seq = 1;
    this.#world.history.started(assignment.message, this.attempt, this.#world.time.elapsed);
    void this.#work(assignment);
  }

  onProgress(listener: () => void): void {
    this.#listeners.push(listener);
  }

  obey(message: ToWorker): void {
    if (message.kind === 'lease') {
      this.#lease(message.ms);
      return;
    }
    if (this.#stop === 'kill') return;
    this.#stop = message.kind;
    for (const wake of this.#wakeStop.splice(0)) wake();
  }

  /** Without another one in time the job ends by itself, at once. */
  #lease(ms: number): void {
    this.#endLease();
    this.#endLease = this.#world.time.after(ms, () => this.obey({ kind: 'kill' }));
  }

  /** SIGKILL, or the end of the process. */
  die(): void {
    if (this.#life.over) return;
    this.#life.over = true;
    this.#endLease();
    if (!this.waiting) this.#world.history.ended(this.attempt, this.#world.time.elapsed);
    this.#leave();
  }

  async #work({ message }: WorkerAssignment): Promise<void> {
    const background = new Map<string, Promise<void>>();
    const failures: number[] = [];
    const run = async (step: StepPlan, number: number): Promise<void> => {
      if (!(await this.#step(step, number))) failures.push(number);
    };
    const { steps } = message.job;
    for (const [index, step] of steps.entries()) {
      if (this.#isDead()) return;
      const number = index + 1;
      const stopped = this.#stop !== 'no' || failures.length > 0;
      if (step.kind === 'wait' || step.kind === 'wait-all') {
        const targets = step.kind === 'wait' ? step.targets : [...background.keys()];
        this.#record(number, step, 'running', null);
        await Promise.all(targets.flatMap((id) => background.get(id) ?? []));
        if (this.#isDead()) return;
        this.#record(number, step, 'completed', 'success');
      } else if (stopped) this.#record(number, step, 'completed', 'skipped');
      else if (step.kind === 'run' && step.background) background.set(step.id, run(step, number));
      else await run(step, number);
    }
    await Promise.all(background.values());
    if (this.#isDead()) return;
    const conclusion = this.#stop === 'no' ? (failures.length > 0 ? 'failure' : 'success') : 'cancelled';
    const { time, history } = this.#world;
    const at = atOf(time.elapsed);
    this.#disk?.syncLogs();
    this.#append({
      ...{ kind: 'job-finished', at, conclusion, reason: null, lost: null, startedAt: at, completedAt: at },
      outputs: { attempt: this.attempt },
    });
    history.finished(this.attempt, conclusion);
    await time.sleep(this.#world.random.next() * EXIT_MS);
    this.die();
  }

  async #step(step: StepPlan, number: number): Promise<boolean> {
    const { time, random, history } = this.#world;
    const { ms, exitCode, bytes } = scriptOf(step);
    this.#record(number, step, 'running', null);
    const chunks = bytes === 0 ? 0 : random.between(1, 4);
    for (let n = 0; n <= chunks; n++) {
      if (this.#stop !== 'no' || this.#isDead()) break;
      await this.#sleepOrStop(ms / (chunks + 1));
      if (this.#isDead()) return false;
      if (n === chunks) break;
      const text = Buffer.from(`${this.attempt} step ${number} chunk ${n} ${'y'.repeat(Math.ceil(bytes / chunks))}\n`);
      history.printed(this.attempt, number, text);
      this.logLengths.set(number, this.#disk?.log(number, text) ?? 0);
      if (random.chance(0.5)) this.#disk?.syncLogs();
      this.#tell();
    }
    if (this.#isDead()) return false;
    if (this.#stop === 'cancel') await time.sleep(random.next() * STOP_MS);
    if (this.#isDead()) return false;
    const length = this.logLengths.get(number) ?? 0;
    if (length > 0) {
      this.#disk?.syncLogs();
      const hash = createHash('sha256').update(history.output(this.attempt, number)).digest('hex');
      this.#append({ kind: 'log-sealed', at: atOf(time.elapsed), step: number, length, hash, cut: null });
    }
    const outcome = this.#stop === 'no' ? (exitCode === 0 ? 'success' : 'failure') : 'cancelled';
    this.#record(number, step, 'completed', outcome);
    history.stepEnded(this.attempt, number, outcome);
    return outcome === 'success';
  }

  #sleepOrStop(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#world.time.after(ms, resolve);
      this.#wakeStop.push(() => {
        cancel();
        resolve();
      });
    });
  }

  #record(number: number, step: StepPlan, state: 'running' | 'completed', outcome: StepReport['outcome']): void {
    const at = atOf(this.#world.time.elapsed);
    const report: StepReport = {
      ...{ number, id: step.id, name: `Step ${number}`, phase: 'main', group: null },
      kind: step.kind,
      background: step.kind === 'run' && step.background,
      targets: step.kind === 'wait' ? [...step.targets] : [],
      ...{ outcome, conclusion: outcome, reason: null, exitCode: null, signal: null, queuedAt: null },
      ...{ startedAt: outcome === 'skipped' ? null : at, completedAt: state === 'completed' ? at : null },
      ...{ outputs: {}, annotations: [], summary: null },
    };
    this.#append({ kind: 'step', at, state, step: report });
  }

  #append(record: AttemptRecord): void {
    if (this.#isDead()) return;
    const synced = record.kind !== 'step' || record.state === 'completed';
    this.#disk?.append(record);
    // What is told of is on the disk: at once at the edges, with others a little later.
    const sync = (): void => {
      if (this.#isDead()) return;
      this.seq = this.#disk?.syncRecords() ?? 0;
      this.#tell();
    };
    if (synced) sync();
    else this.#world.time.after(SYNC_MS, sync);
  }

  /** A method: it changes while something is awaited. */
  #isDead(): boolean {
    return this.#life.over;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

const EXIT_MS = 5;
const SYNC_MS = 50;
const STOP_MS = 3_000;
const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');

function atOf(elapsed: number): string {
  return new Date(EPOCH + Math.floor(elapsed)).toISOString();
}

function scriptOf(step: StepPlan): StepScript {
  const [, ms = '0', exitCode = '0', bytes = '0'] = step.kind === 'run' ? step.run.trim().split(/\s+/) : [];
  return { ms: Number(ms), exitCode: Number(exitCode), bytes: Number(bytes) };
}
