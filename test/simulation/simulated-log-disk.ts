import type { LogDisk, SegmentFile } from '../../src/server/logs/log-disk.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Segment {
  bytes: Buffer;
  /** What a power cut leaves. */
  synced: Buffer;
  changedAt: number;
}

/** The folder of a server's segments. It outlives the server; a power cut takes what was not synced, or tears it. */
export class SimulatedLogDisk {
  readonly #segments = new Map<string, Segment>();
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  full = false;
  /** Longest wait for a sync. */
  syncMs = 10;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  powerCut(): void {
    for (const segment of this.#segments.values()) {
      // Some of what was not synced may be there all the same, up to any byte.
      const kept = this.#random.between(segment.synced.length, Math.max(segment.bytes.length, segment.synced.length));
      segment.bytes = Buffer.concat([segment.synced, segment.bytes.subarray(segment.synced.length, kept)]);
      segment.synced = segment.bytes;
    }
  }

  /** `alive`: of the server that opened it; a dead one's calls have no effect and no answer. */
  open(alive: () => boolean): LogDisk {
    const disked = async <T>(act: () => T, ms = DISK_MS): Promise<T> => {
      if (!alive()) return never();
      const result = act();
      await this.#time.sleep(this.#random.next() * ms);
      return alive() ? result : never();
    };
    const file = (name: string): SegmentFile => ({
      write: (buffers, position) =>
        disked(() => {
          const segment = this.#at(name);
          const added = Buffer.concat(buffers);
          if (this.full) throw failure('ENOSPC', 'no space left on device');
          const end = Math.max(segment.bytes.length, position + added.length);
          const bytes = Buffer.alloc(end);
          segment.bytes.copy(bytes);
          added.copy(bytes, position);
          segment.bytes = bytes;
          segment.changedAt = this.#time.elapsed;
        }),
      sync: () =>
        disked(() => {
          const segment = this.#at(name);
          segment.synced = segment.bytes;
        }, this.syncMs),
      read: (position, length) => disked(() => Buffer.from(this.#at(name).bytes.subarray(position, position + length))),
      truncate: (bytes) =>
        disked(() => {
          const segment = this.#at(name);
          segment.bytes = segment.bytes.subarray(0, bytes);
          segment.synced = segment.bytes;
        }),
      close: () => disked(() => undefined),
    });
    return {
      salt: () => this.#random.between(0, 2 ** 32 - 1),
      truncate: (name, bytes) =>
        disked(() => {
          const segment = this.#at(name);
          segment.bytes = segment.bytes.subarray(0, bytes);
          segment.synced = segment.bytes;
        }),
      list: () =>
        disked(() =>
          [...this.#segments].map(([name, { bytes, changedAt }]) => ({ name, bytes: bytes.length, changedAt })),
        ),
      create: (name) =>
        disked(() => {
          if (this.full) throw failure('ENOSPC', 'no space left on device');
          if (this.#segments.has(name)) throw failure('EEXIST', 'file already exists');
          this.#segments.set(name, { bytes: Buffer.alloc(0), synced: Buffer.alloc(0), changedAt: this.#time.elapsed });
          return file(name);
        }),
      open: (name) =>
        disked(() => {
          this.#at(name);
          return file(name);
        }),
      remove: (name) => disked(() => void this.#segments.delete(name)),
    };
  }

  /** All bytes of all segments, for looking for secrets. */
  contents(): string {
    return [...this.#segments.values()].map(({ bytes }) => bytes.toString('latin1')).join('');
  }

  #at(name: string): Segment {
    const segment = this.#segments.get(name);
    if (!segment) throw failure('ENOENT', 'no such file or directory');
    return segment;
  }
}

const DISK_MS = 2;

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
