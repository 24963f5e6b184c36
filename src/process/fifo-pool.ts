import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** Both ends of one pipe. The write end becomes a child's stdout and stderr; whoever takes it closes it. */
export interface PipeEnds {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * FIFOs made ahead of time. Node.js gives children socket pairs, on which `echo x > /dev/stderr` fails; a FIFO is a
 * real pipe. `mkfifo` costs a process, so one call makes a batch while the steps before run.
 */
export class FifoPool {
  readonly #directory: string;
  readonly #batch: number;
  #made = 0;
  #ready: string[] = [];
  #refill: Promise<boolean> | null = null;
  #available = true;

  constructor(directory: string, batch: number) {
    this.#directory = directory;
    this.#batch = batch;
  }

  /** Makes the first batch. False where FIFOs cannot be made (Windows); callers then use ordinary pipes. */
  async prepare(): Promise<boolean> {
    return this.#fill();
  }

  /** A fresh pipe, at once when one is ready; null where there are none. */
  take(): PipeEnds | Promise<PipeEnds | null> | null {
    if (!this.#available) return null;
    const path = this.#ready.pop();
    if (this.#ready.length < this.#batch / 4) void this.#fill();
    return path === undefined ? this.#takeLater() : open(path);
  }

  async #takeLater(): Promise<PipeEnds | null> {
    for (;;) {
      if (!(await this.#fill())) return null;
      const path = this.#ready.pop();
      if (path !== undefined) return open(path);
    }
  }

  /** Waits for a batch under way and removes what was not used. */
  async dispose(): Promise<void> {
    await this.#refill;
    for (const path of this.#ready.splice(0)) unlinkSync(path);
    this.#available = false;
  }

  #fill(): Promise<boolean> {
    this.#refill ??= this.#make().finally(() => (this.#refill = null));
    return this.#refill;
  }

  async #make(): Promise<boolean> {
    const paths = Array.from({ length: this.#batch }, () => join(this.#directory, `pipe-${String(this.#made++)}`));
    const { failed } = await execa('mkfifo', ['-m', '600', ...paths], { reject: false, stdio: 'ignore' });
    if (failed) this.#available = false;
    else this.#ready.push(...paths);
    return !failed;
  }
}

/** Non-blocking on our side only: the child must block when we are slow, or its output would be lost. */
function open(path: string): PipeEnds {
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
  } catch (error) {
    closeSync(readEnd);
    throw error;
  } finally {
    unlinkSync(path);
  }
}
