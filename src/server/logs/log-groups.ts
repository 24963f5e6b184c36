import type { ApiResult } from '../../protocol/api-error.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store.ts';
import type { AppendOutcome } from './append-extents.ts';
import type { Extent } from './find-log.ts';
import { type LineState, nextByteLine, withBytes } from './count-lines.ts';
import { FRAME_BYTES, GROUP_BYTES } from './limits.ts';
import { diskFailure } from './log-errors.ts';
import type { Frame, SegmentWriter } from './segment-writer.ts';

/** Bytes for the end of a log: at least one. */
export interface Append {
  readonly attempt: string;
  readonly step: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Of the log before them. */
  readonly before: LineState;
}

/** `after`: of the log with them. */
export type Appended = AppendOutcome & { readonly after: LineState };

interface Waiting {
  readonly append: Append;
  readonly resolve: (result: ApiResult<Appended>) => void;
}

/**
 * Writes what comes in groups: all that arrives while the disk is at work shares the next write and flush, and the next
 * commit. The disk goes on with the next group while the database has the one before. One append of a log at a time.
 */
export class LogGroups {
  readonly #store: Store;
  readonly #writer: SegmentWriter;
  readonly #metrics: Metrics;
  readonly #log: DiagnosticLog;
  readonly #commits = new Set<Promise<void>>();
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #group: Promise<void> = Promise.resolve();
  #healthy = true;

  constructor(store: Store, writer: SegmentWriter, metrics: Metrics, log: DiagnosticLog) {
    this.#store = store;
    this.#writer = writer;
    this.#metrics = metrics;
    this.#log = log;
  }

  append(append: Append): Promise<ApiResult<Appended>> {
    return new Promise((resolve) => {
      this.#waiting.push({ append, resolve });
      this.#writing ??= this.#write();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#writing !== null || this.#commits.size > 0) await Promise.all([this.#writing, ...this.#commits]);
  }

  /** Resolves when all that is written now is committed. */
  async barrier(): Promise<void> {
    await this.#group;
    await Promise.all(this.#commits);
  }

  async #write(): Promise<void> {
    // What else arrives in this turn is in the first group already.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      this.#group = this.#writeGroup(this.#take());
      await this.#group;
    }
    this.#writing = null;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const framed = group.map(({ append }) => framesOf(append));
    const parts = framed.flatMap((one) => one.parts);
    try {
      const places = await this.#writer.write(parts.map(({ frame }) => frame));
      this.#tell(true, null);
      const extents = parts.map(({ frame, firstLine, midLine }, index): Extent => {
        const { segment = '', position = 0 } = places[index] ?? {};
        return { offset: frame.offset, length: frame.payload.length, segment, position, firstLine, midLine };
      });
      const commit = this.#commit(
        group,
        framed.map(({ after }) => after),
        extents,
      ).finally(() => this.#commits.delete(commit));
      this.#commits.add(commit);
    } catch (error) {
      this.#tell(false, error);
      for (const { resolve } of group) resolve(diskFailure(error));
    }
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { append } of this.#waiting) {
      bytes += append.bytes.length;
      if (count > 0 && bytes > GROUP_BYTES) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Waiting[], states: readonly LineState[], placed: readonly Extent[]): Promise<void> {
    let next = 0;
    const logs = group.map(({ append: { attempt, step, offset, bytes, before } }, index) => {
      const extents: Extent[] = [];
      for (let length = 0; length < bytes.length; next++) {
        const extent = placed[next] ?? unplaced();
        extents.push(extent);
        length += extent.length;
      }
      return { attempt, step, offset, end: offset + bytes.length, ...(states[index] ?? before), extents };
    });
    const result = await this.#store.execute('append-extents', { logs });
    for (const [index, { append, resolve }] of group.entries()) {
      const outcome = result.ok ? result.value[index] : undefined;
      const { lines = 0, openLine = false } = logs[index] ?? {};
      if (outcome?.kind === 'appended') this.#metrics.count('log_bytes_total', {}, append.bytes.length);
      if (!result.ok) resolve(result);
      else resolve({ ok: true, value: { ...(outcome ?? { kind: 'stale' }), after: { lines, openLine } } });
    }
  }

  /** Once when the disk fails, and once when it is back. */
  #tell(healthy: boolean, error: unknown): void {
    if (healthy === this.#healthy) return;
    this.#healthy = healthy;
    if (healthy) this.#log.info('logs are written again');
    else this.#log.error('logs cannot be written', { error: (error as Error).message });
  }
}

interface Part {
  readonly frame: Frame;
  readonly firstLine: number;
  readonly midLine: boolean;
}

/** Small enough to be checked as a whole when a part of one is read. */
function framesOf({ attempt, step, offset, bytes, before }: Append): {
  readonly parts: readonly Part[];
  readonly after: LineState;
} {
  const parts: Part[] = [];
  let state = before;
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
    const payload = bytes.subarray(at, at + FRAME_BYTES);
    const frame = { attempt, step, offset: offset + at, payload };
    parts.push({ frame, firstLine: nextByteLine(state), midLine: state.openLine });
    state = withBytes(state, payload);
  }
  return { parts, after: state };
}

function unplaced(): never {
  throw new Error('a frame of the group has no place');
}
