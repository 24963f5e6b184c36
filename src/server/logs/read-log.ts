import type { ApiResult } from '../../protocol/api-error.ts';
import type { LogSlice } from '../log-store.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store.ts';
import { behindNewline, countNewlines } from './count-lines.ts';
import { type Extent, SERVER_LIMIT, type StoredLog } from './find-log.ts';
import { EXTENT_PAGE } from './limits.ts';
import type { LogDisk } from './log-disk.ts';
import { logRemoved, refused } from './log-errors.ts';
import { readExtent, withReaders } from './read-extent.ts';

export interface ReadPorts {
  readonly store: Store;
  readonly disk: LogDisk;
  readonly metrics: Metrics;
}

type From = { readonly byte: number } | { readonly line: number };

/** Frames that did not have their checksum. */
export const DAMAGED_TOTAL = 'log_damaged_total';

/** As {@link LogStore.read} says; a damaged part is `internal`, with `detail.offset` and `detail.length` of it. */
export async function readLog(
  { store, disk, metrics }: ReadPorts,
  attempt: string,
  step: number,
  from: From,
  maxBytes: number,
): Promise<ApiResult<LogSlice>> {
  return await withReaders(disk, async (readers) => {
    const first = await store.execute('find-log', { attempt, step, from, limit: EXTENT_PAGE });
    if (!first.ok) return first;
    const { log } = first.value;
    if (log.removedAt !== null) return logRemoved(log.removedAt);
    let { extents } = first.value;
    const parts: Buffer[] = [];
    let begun: Start | null = null;
    let room = maxBytes;
    while (extents.length > 0) {
      let next = 0;
      for (const extent of extents) {
        const bytes = await readExtent(readers, attempt, step, extent);
        if (bytes === null) {
          // What stands before the damage is given; whoever goes on from there is told.
          if (begun !== null) return sliceOf(log, begun, parts);
          metrics.count(DAMAGED_TOTAL);
          return damaged(extent);
        }
        const skip = begun === null ? skipOf(extent, bytes, from) : 0;
        if (skip === null) return sliceOf(log, endOf(log), []);
        begun ??= startOf(extent, bytes, skip);
        const wanted = bytes.subarray(skip, skip + room);
        if (wanted.length > 0) parts.push(wanted);
        room -= wanted.length;
        next = extent.offset + extent.length;
        if (room <= 0 || next >= log.length) return sliceOf(log, begun, parts);
      }
      const more = await store.execute('find-log', { attempt, step, from: { byte: next }, limit: EXTENT_PAGE });
      if (!more.ok) return more;
      extents = more.value.extents.filter(({ offset }) => offset >= next);
    }
    return sliceOf(log, begun ?? endOf(log), parts);
  });
}

interface Start {
  readonly offset: number;
  readonly firstLine: number;
}

/** Bytes of the extent before the place that is asked for; null when it is not there. */
function skipOf(extent: Extent, bytes: Buffer, from: From): number | null {
  if ('byte' in from) return from.byte - extent.offset < extent.length ? from.byte - extent.offset : null;
  const skip = behindNewline(bytes, from.line - extent.firstLine);
  return skip !== null && skip < bytes.length ? skip : null;
}

function startOf(extent: Extent, bytes: Buffer, skip: number): Start {
  const line = extent.firstLine + countNewlines(bytes.subarray(0, skip));
  const begins = skip === 0 ? !extent.midLine : bytes[skip - 1] === NEWLINE;
  return { offset: extent.offset + skip, firstLine: begins ? line : line + 1 };
}

const NEWLINE = 0x0a;

function endOf(log: StoredLog): Start {
  return { offset: log.length, firstLine: log.lines + 1 };
}

function sliceOf(log: StoredLog, { offset, firstLine }: Start, parts: readonly Buffer[]): ApiResult<LogSlice> {
  const [only = Buffer.alloc(0)] = parts;
  const { length, lines, sealedLength, cut } = log;
  const sealed = sealedLength !== null && (length >= sealedLength || cut === SERVER_LIMIT);
  const bytes = parts.length > 1 ? Buffer.concat(parts) : only;
  return { ok: true, value: { bytes, offset, firstLine, length, lines, sealed } };
}

function damaged({ offset, length, segment }: Extent): ApiResult<never> {
  const message = `The log is damaged from byte ${offset} to ${offset + length} (segment ${segment}).`;
  return refused('internal', null, message, { offset, length });
}
