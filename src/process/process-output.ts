import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { PipeEnds } from './fifo-pool.ts';

/** For the child: nothing to read, and somewhere to write. */
export type ChildStdio = readonly ['ignore', number | 'pipe', number | 'pipe'];

/** Where the output of one process, and of all that it starts, comes out. */
export class ProcessOutput {
  readonly #pipe: PipeEnds | null;
  readonly #onOutput: (block: Buffer) => void;
  readonly #onEnd: () => void;
  #sources: Readable[] = [];
  #open = 0;
  #state: 'passed on' | 'discarded' = 'passed on';

  /** `pipe` null: Node's own pipes are used, one for each stream. `onEnd` is called once, when no writer is left. */
  constructor(pipe: PipeEnds | null, onOutput: (block: Buffer) => void, onEnd: () => void) {
    this.#pipe = pipe;
    this.#onOutput = onOutput;
    this.#onEnd = onEnd;
  }

  get stdio(): ChildStdio {
    return this.#pipe ? ['ignore', this.#pipe.writeEnd, this.#pipe.writeEnd] : ['ignore', 'pipe', 'pipe'];
  }

  get ended(): boolean {
    return this.#open === 0;
  }

  /** Call when the child has been started: it has its own copy of the write end by then. */
  read(streams: readonly (Readable | null)[]): void {
    if (this.#pipe) {
      closeSync(this.#pipe.writeEnd);
      this.#sources = [new Socket({ fd: this.#pipe.readEnd, readable: true, writable: false })];
    } else this.#sources = streams.filter((stream) => stream !== null);
    this.#open = this.#sources.length;
    for (const source of this.#sources) {
      source.on('data', (block: Buffer) => {
        if (this.#state === 'passed on') this.#onOutput(block);
      });
      // A read error ends the output as its end does: `close` follows both.
      source.on('error', () => undefined);
      source.once('close', () => {
        this.#open--;
        if (this.ended) this.#onEnd();
      });
    }
  }

  /** Call instead of {@link read} when nothing was started. */
  abandon(): void {
    if (!this.#pipe) return;
    closeSync(this.#pipe.writeEnd);
    closeSync(this.#pipe.readEnd);
  }

  /**
   * From now on what comes is thrown away. It is still read, since what was left behind (a server for the next steps)
   * must neither block on a full pipe nor die of a closed one; but it does not keep us running.
   */
  discard(): void {
    this.#state = 'discarded';
    for (const source of this.#sources) if (source instanceof Socket) source.unref();
  }

  close(): void {
    for (const source of this.#sources) source.destroy();
  }
}
