import { closeSync, constants, fdatasync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
import { Pace } from '../kernel/pace.ts';
import { chainHash } from '../kernel/record-chain.ts';
import { encodeFrame, MAX_RECORD_BYTES } from './frame.ts';
import { isFinish } from './read-journal.ts';
import { ReservedFile } from './reserved-file.ts';
import { type JournalTail, scanJournal } from './scan-journal.ts';
import { type LockOwner, takeLock } from './writer-lock.ts';

export interface JournalOptions {
  readonly clock: Clock;
  /** This process. */
  readonly owner: LockOwner;
  /** Everything up to this record is on the disk. Called with rising numbers, before `append` resolves. */
  readonly onDurable?: (seq: number) => void;
  /** The disk does not take or keep records any more: every further `append` rejects. Called once. */
  readonly onFailure?: (error: Error) => void;
}

/** How long a `soon` record waits at most for others to share its way to the disk. */
export const GROUP_COMMIT_MS = 50;
/** Records that do not wait: those of a short job, which somebody may look at. */
const GROUP_BURST = 8;

/** What appends to a journal; one at a time, over all processes. */
export interface JournalWriter {
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly durableSeq: number;
  /** Whether the last record is `job-finished`: nothing may follow. */
  readonly finished: boolean;
  /** What was found behind the records when it was opened, and is not in the journal any more. */
  readonly found: JournalTail;
  /** The disk is full: what is written from now on takes of the room that was kept for that. */
  readonly isFull: boolean;
  /**
   * Takes the next number. The record is in the file when the call returns, and outlives this process; the promise
   * resolves with the number when it is on the disk, and need not be looked at. It rejects when it cannot be written.
   */
  append(text: string, when: 'now' | 'soon'): Promise<number>;
  /** Brings everything to the disk and lets go of the journal. Any number of times. */
  close(): Promise<void>;
}

/** Somebody alive writes this journal. */
export class JournalHeldError extends Error {
  override readonly name = 'JournalHeldError';
}

/**
 * Opens a journal to write, or begins one. What is torn or damaged is cut off, kept in a file beside it, and reported as
 * `found`. What is usable of it need not be on the disk yet: `durableSeq` says so, and `append` and `close` see to it.
 *
 * @throws JournalHeldError
 * @throws what the file system says.
 */
export function openJournal(path: string, options: JournalOptions): Promise<JournalWriter> {
  return new Promise((resolve) => resolve(openNow(path, options)));
}

function openNow(path: string, options: JournalOptions): JournalWriter {
  const unlock = takeLock(`${path}.lock`, options.owner);
  if (unlock === null) throw new JournalHeldError(`Another process writes the journal ${path}.`);
  let fd: number | null = null;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const bytes = readFileSync(fd);
    let last = '';
    const { end, lastSeq, lastHash, tail } = scanJournal(bytes, (text) => {
      last = text;
    });
    if (tail.kind !== 'clean') {
      writeFileSync(`${path}.${tail.kind}-${tail.offset}`, bytes.subarray(end, end + tail.bytes), { mode: 0o600 });
      ftruncateSync(fd, end);
    }
    const file = new ReservedFile(fd, end, tail.kind === 'clean' ? bytes.length : end);
    const state = { lastSeq, lastHash, finished: isFinish(last), found: tail };
    const isNew = lastSeq === 0;
    return new OpenJournal(file, state, options, { unlock, folder: isNew ? dirname(path) : null });
  } catch (error) {
    if (fd !== null) closeSync(fd);
    unlock();
    throw error;
  }
}

const datasync = promisify(fdatasync);

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

interface Waiter {
  readonly seq: number;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: Error) => void;
}

class OpenJournal implements JournalWriter {
  readonly #file: ReservedFile;
  readonly #options: JournalOptions;
  readonly #unlock: () => void;
  readonly found: JournalTail;
  lastSeq: number;
  lastHash: string;
  finished: boolean;
  durableSeq = 0;
  #waiting: Waiter[] = [];
  /** In which the name of a new journal is not on the disk yet. */
  #unsyncedFolder: string | null;
  readonly #pace = new Pace(GROUP_COMMIT_MS, GROUP_BURST);
  #disarm: (() => void) | null = null;
  #syncing: Promise<void> | null = null;
  #failure: Error | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    file: ReservedFile,
    state: Pick<JournalWriter, 'lastSeq' | 'lastHash' | 'finished' | 'found'>,
    options: JournalOptions,
    { unlock, folder }: { readonly unlock: () => void; readonly folder: string | null },
  ) {
    this.#file = file;
    this.#options = options;
    this.#unlock = unlock;
    this.#unsyncedFolder = folder;
    this.lastSeq = state.lastSeq;
    this.lastHash = state.lastHash;
    this.finished = state.finished;
    this.found = state.found;
    // The first record is small, and whoever waits for it need not wait for a megabyte behind it.
    if (this.lastSeq > 0) this.#file.reserve();
  }

  get isFull(): boolean {
    return this.#file.isFull;
  }

  append(text: string, when: 'now' | 'soon'): Promise<number> {
    const durable = new Promise<number>((resolve, reject) => {
      this.#write(text);
      this.#waiting.push({ seq: this.lastSeq, resolve, reject });
    });
    // Whoever does not look at it is told of a failure by `onFailure`.
    durable.catch(() => undefined);
    if (when === 'now') this.#sync();
    else this.#disarm ??= this.#syncSoon();
    return durable;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  #write(text: string): void {
    if (this.#closed !== null) throw new Error('The journal is closed.');
    if (this.#failure !== null) throw this.#failure;
    if (this.finished) throw new Error('The journal has its last record, job-finished, already.');
    const frame = encodeFrame(this.lastSeq + 1, text);
    if (Buffer.byteLength(text) > MAX_RECORD_BYTES)
      throw new RangeError(`A record has at most ${MAX_RECORD_BYTES} bytes; this one has ${Buffer.byteLength(text)}.`);
    this.#file.append(frame);
    if (this.lastSeq > 0) this.#file.reserve();
    this.lastSeq++;
    this.lastHash = chainHash(this.lastHash, text);
    this.finished = isFinish(text);
  }

  #syncSoon(): () => void {
    const { clock } = this.#options;
    return clock.after(Math.max(0, this.#pace.next - clock.monotonic()), () => this.#sync());
  }

  /** One at a time; what comes up meanwhile gets the next one. */
  #sync(): void {
    this.#disarm?.();
    this.#disarm = null;
    if (this.#syncing === null && this.#waiting.length > 0) this.#syncing = this.#syncAll();
  }

  async #syncAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const seq = this.lastSeq;
      this.#pace.take(this.#options.clock.monotonic());
      try {
        await Promise.all([datasync(this.#file.fd), this.#syncName()]);
      } catch (error) {
        // Nobody can say what is on the disk after that.
        this.#fail(error as Error);
        break;
      }
      this.durableSeq = seq;
      this.#options.onDurable?.(seq);
      const ready = this.#waiting.filter((waiter) => waiter.seq <= seq);
      this.#waiting = this.#waiting.filter((waiter) => waiter.seq > seq);
      for (const { resolve, seq: own } of ready) resolve(own);
    }
    this.#syncing = null;
  }

  async #syncName(): Promise<void> {
    if (this.#unsyncedFolder === null) return;
    await syncFolder(this.#unsyncedFolder);
    this.#unsyncedFolder = null;
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#options.onFailure?.(error);
  }

  async #close(): Promise<void> {
    this.#sync();
    await this.#syncing;
    try {
      if (this.#failure !== null) return;
      if (this.durableSeq < this.lastSeq) await datasync(this.#file.fd);
      if (this.finished) this.#file.trim();
      else this.#file.reserve();
    } finally {
      closeSync(this.#file.fd);
      this.#unlock();
    }
  }
}
