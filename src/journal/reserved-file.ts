import { ftruncateSync, writeSync } from 'node:fs';

/** Kept behind the end, on the disk: room for the results of a job when there is none left. */
export const RESERVE_BYTES = 1024 * 1024;

/** How much is reserved at a time. */
const STEP_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(STEP_BYTES);

/** A file that grows behind its contents, so that they can still be written on a full disk. */
export class ReservedFile {
  readonly fd: number;
  /** Of the contents. */
  #end: number;
  /** Of the file. */
  #size: number;
  #isFull = false;

  constructor(fd: number, end: number, size: number) {
    this.fd = fd;
    this.#end = end;
    this.#size = size;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** All of it or nothing. @throws what the file system says: the disk is full, and the reserve used up. */
  append(bytes: Buffer): void {
    try {
      writeAll(this.fd, bytes, this.#end);
    } catch (error) {
      this.#erase();
      throw error;
    }
    this.#end += bytes.length;
    this.#size = Math.max(this.#size, this.#end);
  }

  /** Gives the reserve back. */
  trim(): void {
    ftruncateSync(this.fd, this.#end);
    this.#size = this.#end;
  }

  /** Makes the reserve whole again, as far as the disk lets it. */
  reserve(): void {
    try {
      while (this.#size < this.#end + RESERVE_BYTES) this.#size += writeSync(this.fd, ZEROS, 0, STEP_BYTES, this.#size);
      this.#isFull = false;
    } catch {
      // Whatever else is wrong with the disk is met by who writes contents.
      this.#isFull = true;
    }
  }

  /** Of something that was written in part: what lies behind the contents is reserve again. */
  #erase(): void {
    try {
      ftruncateSync(this.fd, this.#size);
      for (let at = this.#end; at < this.#size;)
        at += writeSync(this.fd, ZEROS, 0, Math.min(ZEROS.length, this.#size - at), at);
    } catch {
      // It is never read: no whole frame.
    }
  }
}

/** No room on the disk, for this user, or in a file of this size. */
export const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function writeAll(fd: number, bytes: Buffer, position: number | null): void {
  for (let written = 0; written < bytes.length;)
    written += writeSync(fd, bytes, written, bytes.length - written, position === null ? null : position + written);
}
