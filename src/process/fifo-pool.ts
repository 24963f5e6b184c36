import { closeSync, constants, mkdtempSync, openSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';

/** Both ends of one pipe, as file descriptors. Whoever takes them closes them. */
export interface PipeEnds {
  /** Non-blocking. */
  readonly readEnd: number;
  /** Blocking, as a program expects of its output. */
  readonly writeEnd: number;
}

/** One call of mkfifo(1) costs 3 ms, for one FIFO as for many. */
const BATCH_SIZE = 32;
/** Of the pool's own folder. */
const PREFIX = 'output-';
/** The next batch is made when so few are left. */
const LOW_WATER = 8;

/**
 * FIFOs for the output of processes, made ahead of time. What Node.js gives a child as a pipe is a socket pair, on which
 * `echo x > /dev/stderr` fails; Node.js cannot make a real pipe, but it can open a FIFO. Each is used once: a process left
 * behind may hold it for ever.
 */
export class FifoPool {
  #parent: string;
  #available: boolean;
  #directory: string | null = null;
  #ready: string[] = [];
  #made = 0;
  #batch: Promise<void> | null = null;

  /** `parent` is a folder that exists; the pool makes one of its own there. */
  constructor(parent: string, platform: NodeJS.Platform) {
    this.#parent = parent;
    this.#available = platform !== 'win32';
  }

  /** Begins to make a batch, unless one is under way. */
  prepare(): void {
    if (!this.#available) return;
    this.#batch ??= this.#make().finally(() => (this.#batch = null));
  }

  /**
   * A fresh pipe: at once when one is ready, so that a start is one synchronous step; else when it has been made. Null
   * where FIFOs cannot be made (Windows, some network file systems, a full disk). Throws when no file can be opened.
   */
  take(): PipeEnds | null | Promise<PipeEnds | null> {
    const path = this.#ready.shift();
    if (this.#ready.length < LOW_WATER) this.prepare();
    const pipe = path === undefined ? null : this.#open(path);
    return pipe ?? this.#batch?.then(() => this.take()) ?? null;
  }

  /** Goes on in another folder, which exists; what is ready goes with it where both are on one disk. */
  async moveTo(parent: string): Promise<void> {
    await this.#batch;
    this.#parent = parent;
    if (this.#directory === null) return;
    try {
      const directory = mkdtempSync(join(parent, PREFIX));
      renameSync(this.#directory, directory);
      this.#directory = directory;
      this.#ready = this.#ready.map((path) => join(directory, basename(path)));
    } catch {
      this.#forget();
      this.prepare();
    }
  }

  /** Removes what was not used. Afterwards there are none. */
  async close(): Promise<void> {
    this.#available = false;
    await this.#batch;
    this.#forget();
  }

  /** Null when a step has removed them (`rm -rf "$RUNNER_TEMP"`): new ones are made. */
  #open(path: string): PipeEnds | null {
    try {
      return open(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#forget();
      this.prepare();
      return null;
    }
  }

  #forget(): void {
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = null;
    this.#ready = [];
  }

  async #make(): Promise<void> {
    const paths = await this.#mkfifo();
    if (paths.length === 0) this.#available = false;
    if (this.#directory !== null) this.#ready.push(...paths);
  }

  async #mkfifo(): Promise<readonly string[]> {
    try {
      this.#directory ??= mkdtempSync(join(this.#parent, PREFIX));
    } catch {
      // No room, or no such folder: ordinary pipes do.
      return [];
    }
    const directory = this.#directory;
    const paths = Array.from({ length: BATCH_SIZE }, () => join(directory, String(this.#made++)));
    // The folder is private, so the mode lets only a step's own programs that changed their user (`su`) open /dev/stderr.
    // Detached: a Ctrl-C at the terminal is for the steps.
    const options = { stdio: 'ignore', buffer: false, reject: false, detached: true, cleanup: false } as const;
    const { failed } = await execa('mkfifo', ['-m', '666', ...paths], options);
    return failed ? [] : paths;
  }
}

function open(path: string): PipeEnds {
  // A reader that does not block can open first; the writer then finds it there.
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
