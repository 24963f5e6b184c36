import type { Writable } from 'node:stream';
import { OutputSpool } from './output-spool.ts';
import type { TextOutput } from './text-output.ts';

/** Bytes that wait in memory for a slow reader; what is beyond waits on disk. */
export const MAX_QUEUED_BYTES = 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** A stream that may be a terminal. */
export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/**
 * Writes to a stream without ever holding up the run: pipes are asynchronous in Node.js, so a reader that stands still
 * (`paceline run … | less`) would let memory grow; a blocking write would stop time limits and Ctrl-C. A reader that
 * went away (`| head`, a closed terminal) changes nothing but that its output is dropped.
 */
export class StreamOutput implements TextOutput {
  readonly #stream: OutputStream;
  readonly #spoolDirectory: string;
  #spool: OutputSpool | null = null;
  #gone = false;
  #waiting: (() => void)[] = [];

  constructor(stream: OutputStream, spoolDirectory: string) {
    this.#stream = stream;
    this.#spoolDirectory = spoolDirectory;
    // EPIPE of a closed pipe, EIO of a closed terminal: whatever it is, there is nobody left to tell.
    stream.on('error', () => {
      this.#gone = true;
      this.#end();
    });
    stream.on('drain', () => this.#refill());
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number {
    return this.#stream.columns || DEFAULT_COLUMNS;
  }

  get rows(): number {
    return this.#stream.rows || DEFAULT_ROWS;
  }

  onResize(listener: () => void): () => void {
    this.#stream.on('resize', listener);
    return () => this.#stream.off('resize', listener);
  }

  write(text: string | Uint8Array): void {
    if (this.#gone || text.length === 0) return;
    if (this.#spool === null && this.#stream.writableLength < MAX_QUEUED_BYTES) {
      this.#stream.write(text);
      return;
    }
    try {
      this.#spool ??= new OutputSpool(this.#spoolDirectory);
      this.#spool.append(typeof text === 'string' ? Buffer.from(text) : text);
    } catch {
      // No room on disk either: memory is the last place, and the order is kept by emptying the spool first.
      while (this.#spool !== null && this.#spool.size > 0) this.#stream.write(this.#spool.take(BLOCK_BYTES));
      this.#closeSpool();
      this.#stream.write(text);
    }
  }

  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#gone) this.#end();
      else if (this.#spool === null) this.#settleWhenWritten();
    });
  }

  #refill(): void {
    while (this.#spool !== null && this.#stream.writableLength < MAX_QUEUED_BYTES) {
      const block = this.#spool.take(BLOCK_BYTES);
      if (block.length > 0) this.#stream.write(block);
      else this.#closeSpool();
    }
    if (this.#spool === null && this.#waiting.length > 0) this.#settleWhenWritten();
  }

  #settleWhenWritten(): void {
    this.#stream.write('', () => {
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  #end(): void {
    this.#closeSpool();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #closeSpool(): void {
    this.#spool?.close();
    this.#spool = null;
  }
}
