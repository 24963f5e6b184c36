import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Longest part of a file name that is made from a step's name. */
const MAX_NAME_CHARACTERS = 60;
const EARLIER_LOG = /^\d{2,}-.*\.log$/;

export interface StepLogFile {
  write(lines: Buffer): void;
  close(): void;
}

/** One file a step: `JOB/NN-STEP.log`, what the step logged, masked, without time stamps. */
export class LogDirectory {
  readonly #path: string;
  readonly #onProblem: (error: NodeJS.ErrnoException) => void;
  readonly #files = new Map<string, StepLogFile>();
  #broken = false;

  /** Throws the system's error when the folder cannot be made. A later problem is told once, and ends the writing. */
  constructor(path: string, onProblem: (error: NodeJS.ErrnoException) => void) {
    mkdirSync(path, { recursive: true });
    this.#path = path;
    this.#onProblem = onProblem;
  }

  /** Makes the job's folder and removes step logs of an earlier run from it: numbers that mix two runs mislead. */
  openJob(job: string): void {
    this.#try(() => {
      const folder = join(this.#path, job);
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(folder)) if (EARLIER_LOG.test(name)) rmSync(join(folder, name));
    });
  }

  openStep(job: string, number: number, name: string): StepLogFile {
    const key = `${job}/${number}`;
    const path = join(this.#path, job, logFileName(number, name));
    let fd: number | null = null;
    this.#try(() => (fd = openSync(path, 'w')));
    const file: StepLogFile = {
      // A last word after the end of the step is still its word.
      write: (lines) => this.#try(() => writeAll((fd ??= openSync(path, 'a')), lines)),
      close: () => {
        if (fd !== null) closeSync(fd);
        fd = null;
        this.#files.delete(key);
      },
    };
    this.#files.set(key, file);
    return file;
  }

  closeStep(job: string, number: number): void {
    this.#files.get(`${job}/${number}`)?.close();
  }

  close(): void {
    for (const file of [...this.#files.values()]) file.close();
  }

  #try(work: () => unknown): void {
    if (this.#broken) return;
    try {
      work();
    } catch (error) {
      this.#broken = true;
      this.#onProblem(error as NodeJS.ErrnoException);
    }
  }
}

/** `03-Run-npm-test.log`. Letters, digits, `.`, `_` and `-` stay; everything else, also a leading dot, becomes `-`. */
export function logFileName(number: number, name: string): string {
  const safe = name
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+/, '')
    .slice(0, MAX_NAME_CHARACTERS)
    .replace(/[-.]+$/, '');
  return `${String(number).padStart(2, '0')}-${safe || 'step'}.log`;
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
}
