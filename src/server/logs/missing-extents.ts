import type { Store } from '../store.ts';
import type { Extent } from './find-log.ts';
import { type LineState, nextByteLine, withBytes } from './count-lines.ts';
import type { ScannedFrame } from './scan-segment.ts';

export interface MissingPorts {
  readonly store: Store;
}

interface Log extends LineState {
  readonly attempt: string;
  readonly step: number;
  /** In the database. */
  offset: number;
  end: number;
  lines: number;
  openLine: boolean;
  readonly sealedLength: number | null;
  readonly removed: boolean;
  extents: Extent[];
}

/** Extents in one call. */
const BATCH = 500;

/** Takes frames in that the database does not know: those that go on where it knows a log to end. */
export class MissingExtents {
  readonly #store: Store;
  /** By attempt; null: there is no such attempt. */
  readonly #attempts = new Map<string, Map<number, Log> | null>();
  readonly #pending = new Set<Log>();
  #extents = 0;
  /** Taken in so far. */
  bytes = 0;

  constructor({ store }: MissingPorts) {
    this.#store = store;
  }

  /** @throws Error while the database cannot be asked. */
  async add(segment: string, frame: ScannedFrame): Promise<void> {
    const { attempt, step, offset, length, position, payload } = frame;
    let logs = this.#attempts.get(attempt);
    if (logs === undefined) this.#attempts.set(attempt, (logs = await this.#load(attempt)));
    if (logs === null) return;
    const log = logs.get(step) ?? emptyLog(attempt, step);
    logs.set(step, log);
    const end = offset + length;
    if (log.removed || offset > log.end || end <= log.end) return;
    if (log.sealedLength !== null && end > log.sealedLength) return;
    const at = log.end;
    const bytes = payload.subarray(at - offset);
    const firstLine = nextByteLine(log);
    log.extents.push({ offset: at, length: end - at, segment, position, firstLine, midLine: log.openLine });
    Object.assign(log, withBytes(log, bytes), { end });
    this.#pending.add(log);
    this.#extents += 1;
    if (this.#extents >= BATCH) await this.flush();
  }

  /** @throws Error while the database cannot be asked. */
  async flush(): Promise<void> {
    const logs = [...this.#pending];
    this.#pending.clear();
    this.#extents = 0;
    if (logs.length > 0) {
      const result = await this.#store.execute('append-extents', { logs });
      if (!result.ok) throw new Error(result.error.message);
      for (const [index, log] of logs.entries())
        if (result.value[index]?.kind === 'appended') this.bytes += log.end - log.offset;
    }
    // Read anew: what was stale is then as it is.
    this.#attempts.clear();
  }

  async #load(attempt: string): Promise<Map<number, Log> | null> {
    const exists = await this.#store.execute('has-attempt', { attempt });
    if (!exists.ok) throw new Error(exists.error.message);
    if (!exists.value) return null;
    const stored = await this.#store.execute('list-logs', { attempt });
    if (!stored.ok) throw new Error(stored.error.message);
    return new Map(
      stored.value.map(({ step, length, lines, openLine, sealedLength, removedAt }) => [
        step,
        {
          ...emptyLog(attempt, step),
          offset: length,
          end: length,
          lines,
          openLine,
          sealedLength,
          removed: removedAt !== null,
        },
      ]),
    );
  }
}

function emptyLog(attempt: string, step: number): Log {
  return {
    attempt,
    step,
    offset: 0,
    end: 0,
    lines: 0,
    openLine: false,
    sealedLength: null,
    removed: false,
    extents: [],
  };
}
