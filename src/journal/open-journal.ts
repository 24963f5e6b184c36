import {
  closeSync,
  constants,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
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

/** How long a `soon` record waits for others to share its way to the disk. */
export const GROUP_COMMIT_MS = 50;

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
 * Opens a journal to write, or begins one. What is usable of it is on the disk when this resolves. What is torn or
 * damaged is cut off, kept in a file beside it, and reported as `found`.
 *
 * @throws JournalHeldError
 * @throws what the file system says.
 */
export async function openJournal(path: string, options: JournalOptions): Promise<JournalWriter> {
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
    await datasync(fd);
    syncFolder(dirname(path));
    const state = { lastSeq, lastHash, finished: isFinish(last), found: tail };
    return new OpenJournal(file, state, options, unlock);
  } catch (error) {
    if (fd !== null) closeSync(fd);
    unlock();
    throw error;
  }
}

const datasync = promisify(fdatasync);

/** So that the file's name is on the disk as well. */
function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
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
  durableSeq: number;
  #waiting: Waiter[] = [];
  #disarm: (() => void) | null = null;
  #syncing: Promise<void> | null = null;
  #failure: Error | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    file: ReservedFile,
    state: Pick<JournalWriter, 'lastSeq' | 'lastHash' | 'finished' | 'found'>,
    options: JournalOptions,
    unlock: () => void,
  ) {
    this.#file = file;
    this.#options = options;
    this.#unlock = unlock;
    this.lastSeq = state.lastSeq;
    this.lastHash = state.lastHash;
    this.finished = state.finished;
    this.found = state.found;
    this.durableSeq = state.lastSeq;
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
    else this.#disarm ??= this.#options.clock.after(GROUP_COMMIT_MS, () => this.#sync());
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
    this.lastSeq++;
    this.lastHash = chainHash(this.lastHash, text);
    this.finished = isFinish(text);
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
      try {
        await datasync(this.#file.fd);
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

  #fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#options.onFailure?.(error);
  }

  async #close(): Promise<void> {
    this.#sync();
    await this.#syncing;
    try {
      if (this.finished && this.#failure === null) this.#file.trim();
    } finally {
      closeSync(this.#file.fd);
      this.#unlock();
    }
  }
}
