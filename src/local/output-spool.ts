import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A first-in, first-out store of bytes on disk, in a file without a name: nothing is left of it, however we end. */
export class OutputSpool {
  readonly #fd: number;
  #head = 0;
  #tail = 0;

  /** Throws when the folder cannot be written. */
  constructor(directory: string) {
    const path = join(directory, `paceline-output-${process.pid}-${performance.now()}`);
    this.#fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  /** Throws when the disk is full. */
  append(bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length)
      written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#tail + written);
    this.#tail += bytes.length;
  }

  /** The oldest bytes, at most `limit`; empty when there are none. */
  take(limit: number): Buffer {
    const block = Buffer.allocUnsafe(Math.min(limit, this.size));
    const read = readSync(this.#fd, block, 0, block.length, this.#head);
    this.#head += read;
    if (this.#head === this.#tail && this.#head > 0) {
      ftruncateSync(this.#fd, 0);
      this.#head = this.#tail = 0;
    }
    return block.subarray(0, read);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
