import { createHash } from 'node:crypto';
import { closeSync, fdatasync, ftruncateSync, mkdirSync, openSync, rmSync, statfs, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
import { LOG_FOLDER, logFile } from '../protocol/worker-link.ts';
import type { LogMeasure } from './measure-log.ts';
import { FULL, writeAll } from './reserved-file.ts';

export type LogCut = 'limit' | 'disk-full';

export interface LogSpoolOptions {
  readonly attemptDirectory: string;
  readonly clock: Clock;
  /** Of all logs of the attempt together. */
  readonly maxBytes: number;
  /** Called whenever a log has grown. Must not throw. */
  readonly onLength: (step: number, length: number) => void;
}

/** How long output may be in memory of the system alone. */
export const LOG_SYNC_MS = 1_000;
/** Logs are cut while the disk has less free than this share of it… */
export const MIN_FREE_SHARE = 0.1;
/** …but no disk is so large that more than this has to be free. */
export const MIN_FREE_BYTES = 256 * 1024 * 1024;
/** Kept on the disk for the lines that say where logs were cut. */
const RESERVE_BYTES = 64 * 1024;
const RESERVE_FILE = 'reserve';

/** A log lost something for good; thrown once by each log that it happens to. */
export class LogCutError extends Error {
  override readonly name = 'LogCutError';
  readonly cut: LogCut;

  constructor(cut: LogCut, message: string) {
    super(message);
    this.cut = cut;
  }
}

interface OpenLog {
  readonly fd: number;
  readonly hash: ReturnType<typeof createHash>;
  length: number;
  cut: LogCut | null;
  isDirty: boolean;
}

/**
 * The logs of one attempt on the disk, one file a step, append-only. When the attempt's quota or the disk is full all of
 * them stop, each with one last line that says so: results need the room.
 */
export class LogSpool {
  readonly #options: LogSpoolOptions;
  readonly #logs = new Map<number, OpenLog>();
  #bytes = 0;
  #cut: LogCut | null = null;
  #disarm: (() => void) | null = null;
  #syncing: Promise<void> = Promise.resolve();

  /** @throws what the file system says. */
  constructor(options: LogSpoolOptions) {
    this.#options = options;
    try {
      mkdirSync(join(options.attemptDirectory, LOG_FOLDER), { recursive: true, mode: 0o700 });
      writeFileSync(this.#reserve, Buffer.alloc(RESERVE_BYTES), { mode: 0o600 });
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#stop('disk-full');
    }
  }

  /** Null while nothing was left out. */
  get cut(): LogCut | null {
    return this.#cut;
  }

  /** Once for each step. @throws LogCutError when nothing is taken any more, and what the file system says. */
  open(step: number): void {
    const path = join(this.#options.attemptDirectory, logFile(step));
    const log = { fd: openLog(path), hash: createHash('sha256'), length: 0, cut: null, isDirty: true };
    this.#logs.set(step, log);
    if (this.#cut !== null) this.#cutLog(step, log, this.#cut);
  }

  /** The bytes are not kept. @throws LogCutError once, when this log was cut; what comes behind is dropped. */
  append(step: number, bytes: Buffer): void {
    const log = this.#logs.get(step);
    if (log === undefined || log.cut !== null) return;
    if (this.#cut === null && this.#bytes + bytes.length > this.#options.maxBytes) this.#stop('limit');
    if (this.#cut === null) this.#write(step, log, bytes);
    if (this.#cut !== null) this.#cutLog(step, log, this.#cut);
  }

  /** Ends a log: nothing is added any more. Its bytes are on the disk when this resolves. Null: it was never opened. */
  async seal(step: number): Promise<(LogMeasure & { readonly cut: LogCut | null }) | null> {
    const log = this.#logs.get(step);
    if (log === undefined) return null;
    this.#logs.delete(step);
    try {
      // One that a look at all logs has in hand must not be closed under it.
      await this.#syncing;
      await datasync(log.fd);
    } catch {
      // Whatever is wrong with the disk: some of it may be missing after a loss of power.
      log.cut ??= 'disk-full';
    } finally {
      closeSync(log.fd);
    }
    return { length: log.length, hash: log.hash.digest('hex'), cut: log.cut };
  }

  /** After the last `seal`. */
  async close(): Promise<void> {
    this.#disarm?.();
    await this.#syncing;
    for (const { fd } of this.#logs.values()) closeSync(fd);
    this.#logs.clear();
    rmSync(this.#reserve, { force: true });
  }

  get #reserve(): string {
    return join(this.#options.attemptDirectory, LOG_FOLDER, RESERVE_FILE);
  }

  #write(step: number, log: OpenLog, bytes: Buffer): void {
    try {
      writeAll(log.fd, bytes, null);
    } catch (error) {
      // What of it came to the file is taken back: nobody has been told of it.
      ftruncateSync(log.fd, log.length);
      if (!isFull(error)) throw error;
      this.#stop('disk-full');
      return;
    }
    log.hash.update(bytes);
    log.length += bytes.length;
    log.isDirty = true;
    this.#bytes += bytes.length;
    this.#disarm ??= this.#options.clock.after(LOG_SYNC_MS, () => this.#look());
    this.#options.onLength(step, log.length);
  }

  /** For all logs, for good. */
  #stop(cut: LogCut): void {
    this.#cut = cut;
    rmSync(this.#reserve, { force: true });
  }

  #cutLog(step: number, log: OpenLog, cut: LogCut): never {
    log.cut = cut;
    const message = cut === 'limit' ? limitText(this.#options.maxBytes) : FULL_TEXT;
    const line = Buffer.from(`##[warning]log cut: ${message}\n`);
    try {
      writeAll(log.fd, line, null);
      log.hash.update(line);
      log.length += line.length;
      log.isDirty = true;
      this.#options.onLength(step, log.length);
    } catch {
      // Not even that has room: the end of the log says it in its record.
      ftruncateSync(log.fd, log.length);
    }
    throw new LogCutError(cut, message);
  }

  /** Brings logs to the disk, and looks how much room there is. */
  #look(): void {
    this.#disarm = null;
    const dirty = [...this.#logs.values()].filter(({ isDirty }) => isDirty);
    for (const log of dirty) log.isDirty = false;
    this.#syncing = Promise.all([this.#syncing, ...dirty.map(({ fd }) => datasync(fd)), this.#lookAtDisk()]).then(
      () => undefined,
      // What could not be brought to the disk is met again by `seal`.
      () => undefined,
    );
  }

  async #lookAtDisk(): Promise<void> {
    if (this.#cut !== null) return;
    const { bavail, blocks, bsize } = await statFileSystem(this.#options.attemptDirectory);
    if (bavail * bsize < Math.min(blocks * bsize * MIN_FREE_SHARE, MIN_FREE_BYTES)) this.#stop('disk-full');
  }
}

/** Without a file there is no log to cut; the one who opens it hears it all the same. */
function openLog(path: string): number {
  try {
    return openSync(path, 'ax', 0o600);
  } catch (error) {
    if (isFull(error)) throw new LogCutError('disk-full', FULL_TEXT);
    throw error;
  }
}

const FULL_TEXT = 'the disk of this runner is full';

const datasync = promisify(fdatasync);
const statFileSystem = promisify(statfs);

function limitText(maxBytes: number): string {
  return `the logs of this job have reached the limit of ${Number((maxBytes / BYTES_PER_MB).toFixed(1))} MB (agent.spoolMb)`;
}

const BYTES_PER_MB = 1024 * 1024;

function isFull(error: unknown): boolean {
  return FULL.has((error as NodeJS.ErrnoException).code ?? '');
}
