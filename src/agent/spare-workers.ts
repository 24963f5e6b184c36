import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { OF_UNASSIGNED, type StartedWorker } from './start-worker.ts';

/** After a job has its order: the next worker does not compete with it for the processor. */
const REFILL_MS = 250;

export interface SpareWorkersOptions {
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  readonly stateDirectory: string;
}

/**
 * One worker that is started already when its job comes: starting one takes longer than everything else between a
 * submission and its first line. It knows nothing of any job, ends with the agent whose pipe it reads, and is used once.
 */
export class SpareWorkers {
  readonly #options: SpareWorkersOptions;
  readonly #start: () => Promise<StartedWorker>;
  #spare: StartedWorker | null = null;
  #starting: Promise<void> | null = null;
  #wanted = false;
  #disarm: (() => void) | null = null;

  constructor(options: SpareWorkersOptions, start: () => Promise<StartedWorker>) {
    this.#options = options;
    this.#start = start;
  }

  keep(): void {
    this.#wanted = true;
    const { stateDirectory } = this.#options;
    // Of an agent that was killed.
    for (const name of readdirSync(stateDirectory))
      if (OF_UNASSIGNED.test(name)) rmSync(join(stateDirectory, name), { recursive: true, force: true });
    this.refill();
  }

  /** Null: there is none, or it has ended by itself. */
  take(): StartedWorker | null {
    const spare = this.#spare;
    this.#spare = null;
    return spare;
  }

  /** Soon there is one again. */
  refill(): void {
    if (!this.#wanted || this.#spare !== null || this.#starting !== null || this.#disarm !== null) return;
    this.#disarm = this.#options.clock.after(REFILL_MS, () => {
      this.#disarm = null;
      if (this.#spare === null) this.#starting = this.#fill();
    });
  }

  /** Resolves when there is none. */
  async close(): Promise<void> {
    this.#wanted = false;
    this.#disarm?.();
    this.#disarm = null;
    await this.take()?.discard();
    await this.#starting;
  }

  async #fill(): Promise<void> {
    try {
      const worker = await this.#start();
      if (!this.#wanted) {
        await worker.discard();
        return;
      }
      this.#spare = worker;
      void worker.exited.then(() => {
        if (this.#spare !== worker) return;
        this.#spare = null;
        rmSync(worker.errors, { force: true });
      });
    } catch (error) {
      // Its job starts one of its own, and says what is wrong where people look.
      this.#options.log.debug(`no worker can be kept: ${String(error)}`);
    } finally {
      this.#starting = null;
    }
  }
}
