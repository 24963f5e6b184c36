import { closeSync, openSync, writeSync } from 'node:fs';
import type { RunEvent } from '../protocol/events.ts';

/** One JSON object a line, as it happens. */
export class EventsWriter {
  #fd: number | null;
  readonly #onProblem: (error: NodeJS.ErrnoException) => void;

  /** Throws the system's error when the file cannot be opened. A later problem is told once, and ends the writing. */
  constructor(path: string, onProblem: (error: NodeJS.ErrnoException) => void) {
    this.#fd = openSync(path, 'w');
    this.#onProblem = onProblem;
  }

  write(event: RunEvent): void {
    if (this.#fd === null) return;
    const bytes = Buffer.from(`${JSON.stringify(event)}\n`);
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      this.close();
      this.#onProblem(error as NodeJS.ErrnoException);
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}
