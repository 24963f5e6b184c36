import { type Failpoint, NO_FAILPOINT } from '../../kernel/failpoint.ts';
import type { SegmentSize } from './limits.ts';
import type { LogDisk, SegmentFile } from './log-disk.ts';
import { encodeFrameHead, encodeSegmentHead, SEGMENT_HEAD_BYTES } from './log-frame.ts';
import { segmentName } from './segment-name.ts';

export interface Frame {
  readonly attempt: string;
  readonly step: number;
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** Where a frame stands. */
export interface FramePlace {
  readonly segment: string;
  readonly position: number;
}

export interface SegmentWriterOptions {
  readonly disk: LogDisk;
  readonly node: string;
  /** Of the next segment. */
  readonly number: number;
  readonly size: SegmentSize;
  readonly failpoint?: Failpoint;
}

interface Active {
  readonly name: string;
  readonly file: SegmentFile;
  readonly salt: number;
  /** Of the next frame. */
  position: number;
  /** Of the file: zeros from `position` on. */
  prepared: number;
}

/** Appends frames to this server's own segments. One call at a time. */
export class SegmentWriter {
  readonly #disk: LogDisk;
  readonly #node: string;
  readonly #failpoint: Failpoint;
  readonly #size: SegmentSize;
  #number: number;
  #active: Active | null = null;

  constructor({ disk, node, number, size, failpoint = NO_FAILPOINT }: SegmentWriterOptions) {
    this.#disk = disk;
    this.#node = node;
    this.#number = number;
    this.#size = size;
    this.#failpoint = failpoint;
  }

  /** The segment that is written to; it is never removed. */
  get active(): string | null {
    return this.#active?.name ?? null;
  }

  /**
   * Resolves when all of them are durable.
   * @throws the disk's error: none of them counts, and what was written of them is written over or left behind.
   */
  async write(frames: readonly Frame[]): Promise<FramePlace[]> {
    const active = this.#active ?? (await this.#begin());
    const buffers: Uint8Array[] = [];
    const places: FramePlace[] = [];
    let end = active.position;
    for (const frame of frames) {
      const head = encodeFrameHead(frame, frame.payload, active.salt);
      places.push({ segment: active.name, position: end });
      buffers.push(head, frame.payload);
      end += head.length + frame.payload.length;
    }
    try {
      await this.#prepare(active, end);
      await active.file.write(buffers, active.position);
    } catch (error) {
      await this.#giveBack(active);
      throw error;
    }
    this.#failpoint('server-after-log-write');
    await this.#sync(active);
    this.#failpoint('server-after-log-sync');
    active.position = end;
    active.prepared = Math.max(active.prepared, end);
    if (end >= this.#size.bytes) await this.close();
    return places;
  }

  /** Cuts off what was prepared. The next frame begins a new segment. */
  async close(): Promise<void> {
    const active = this.#active;
    if (active === null) return;
    this.#active = null;
    try {
      await active.file.truncate(active.position);
    } finally {
      await active.file.close();
    }
  }

  async #begin(): Promise<Active> {
    const salt = this.#disk.salt();
    const name = segmentName(this.#node, this.#number++);
    const file = await this.#disk.create(name);
    try {
      await file.write([encodeSegmentHead(salt)], 0);
    } catch (error) {
      await file.close();
      await this.#disk.remove(name);
      throw error;
    }
    this.#active = { name, file, salt, position: SEGMENT_HEAD_BYTES, prepared: SEGMENT_HEAD_BYTES };
    return this.#active;
  }

  /** After a flush that failed nobody knows what is on disk, and the next one may wrongly succeed. */
  async #sync(active: Active): Promise<void> {
    try {
      await active.file.sync();
    } catch (error) {
      this.#active = null;
      await active.file.close();
      throw error;
    }
  }

  /** A full disk: what was prepared may be what others need. */
  async #giveBack(active: Active): Promise<void> {
    try {
      await active.file.truncate(active.position);
      active.prepared = active.position;
    } catch {
      // The first error is the one to tell; this segment is not used any more.
      this.#active = null;
      await active.file.close();
    }
  }

  /** Best effort: a disk that is nearly full still takes what has to be written. */
  async #prepare(active: Active, end: number): Promise<void> {
    const bytes = this.#size.prepared;
    if (end <= active.prepared || bytes === 0) return;
    const target = end + bytes;
    const zeros = Buffer.alloc(Math.min(target - active.prepared, bytes));
    try {
      for (let at = active.prepared; at < target; at += zeros.length)
        await active.file.write([zeros.subarray(0, Math.min(zeros.length, target - at))], at);
      active.prepared = target;
    } catch {
      await active.file.truncate(active.position);
      active.prepared = active.position;
    }
  }
}
