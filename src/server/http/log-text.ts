import type { LogSlice, LogStore } from '../log-store.ts';
import type { OperationOutput } from '../operations.ts';
import { failure, unwrap } from './api-failure.ts';
import type { Call } from './endpoint.ts';
import type { Streaming } from './event-endpoint.ts';
import type { ByteRange } from './range-header.ts';
import { streamResponse } from './stream-response.ts';

export interface LogPlace {
  readonly attempt: string;
  readonly step: number;
}

type From = { readonly byte: number } | { readonly line: number };

const TEXT = 'text/plain; charset=utf-8';
const CHUNK_BYTES = 256 * 1024;
/** Of one answer to a Range. */
const MAX_RANGE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;
/** How often a log is looked at that no wake came for. */
const RECHECK_MS = 15_000;
/** Looks at a log whose job has ended, without anything new, until it is given up: its agent may be gone for good. */
const MAX_LATE_LOOKS = 8;

/** The log as it is now, or some of its lines. */
export async function readLines(
  logs: LogStore,
  streaming: Streaming,
  call: Pick<Call<unknown, unknown, unknown>, 'cut' | 'signal'>,
  place: LogPlace,
  from: From,
  count: number | null,
): Promise<Response> {
  const first = await sliceOf(logs, place, from);
  const headers = { 'Content-Type': TEXT, 'X-First-Line': String(first.firstLine), ...headersOf(first) };
  return streamResponse(lines(logs, place, first, count, call.signal), call, streaming, headers);
}

async function* lines(
  logs: LogStore,
  place: LogPlace,
  first: LogSlice,
  count: number | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let left = count ?? Infinity;
  for (let slice = first; slice.bytes.length > 0 && !signal.aborted;) {
    const end = Math.min(slice.bytes.length, first.length - slice.offset);
    let at = 0;
    while (at < end && left > 0) {
      const newline = count === null ? -1 : slice.bytes.indexOf(NEWLINE, at);
      at = newline < 0 || newline >= end ? end : newline + 1;
      if (newline >= 0 && newline < end) left -= 1;
    }
    if (at > 0) yield slice.bytes.subarray(0, at);
    const next = slice.offset + slice.bytes.length;
    if (left <= 0 || next >= first.length) return;
    slice = await sliceOf(logs, place, { byte: next });
  }
}

/** 206 with the bytes that are there; 416 when the range begins behind them. */
export async function readBytes(logs: LogStore, place: LogPlace, range: ByteRange): Promise<Response> {
  const { length, sealed } = await sliceOf(logs, place, { byte: Number.MAX_SAFE_INTEGER });
  const begin = range.from ?? Math.max(0, length - (range.to ?? 0));
  const end = range.from === null || range.to === null ? length : Math.min(length, range.to + 1);
  const size = sealed ? String(length) : '*';
  if (begin >= end) {
    const message = `the log has ${length} bytes so far; none from ${begin} on`;
    throw failure('invalid', 'wrong-offset', message, { offset: length, sealed });
  }
  const wanted = Math.min(end - begin, MAX_RANGE_BYTES);
  const parts: Uint8Array[] = [];
  let read = 0;
  let last: LogSlice | null = null;
  while (read < wanted) {
    const slice: LogSlice = await sliceOf(logs, place, { byte: begin + read }, Math.min(CHUNK_BYTES, wanted - read));
    last = slice;
    if (slice.bytes.length === 0) break;
    parts.push(slice.bytes);
    read += slice.bytes.length;
  }
  return new Response(Buffer.concat(parts), {
    status: 206,
    headers: {
      'Content-Type': TEXT,
      'Content-Range': `bytes ${begin}-${begin + read - 1}/${size}`,
      'Cache-Control': 'no-store',
      ...(last ? headersOf(last) : {}),
    },
  });
}

/** The log from a place on, then what comes, until it has its end or nothing more can come. */
export async function* followLog(
  { store, wakeups, onViewers, watchLogs }: Streaming,
  logs: LogStore,
  run: number,
  place: LogPlace,
  from: From,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const watch = wakeups.watch([`log:${place.attempt}`, `run:${run}`], signal);
  const unwatch = watchLogs(place.attempt);
  onViewers(1);
  try {
    let at = from;
    // Of an attempt that has ended, as it was before the log is looked at: what it says of the end holds for that.
    let ended: OperationOutput<'read-log-state'> | null = null;
    for (let late = 0; !signal.aborted;) {
      const slice = await sliceOf(logs, place, at);
      if (slice.bytes.length > 0) {
        at = { byte: slice.offset + slice.bytes.length };
        late = 0;
        ended = null;
        yield slice.bytes;
        continue;
      }
      if (slice.sealed || ended?.attempt === 'lost') return;
      if (ended !== null && (ended.length >= ended.announced || late >= MAX_LATE_LOOKS)) return;
      if (ended === null) {
        const state = unwrap(await store.execute('read-log-state', place));
        if (state.attempt !== 'open') {
          ended = state;
          continue;
        }
      }
      if (!(await watch.next(RECHECK_MS)) && ended !== null) late += 1;
      ended = null;
    }
  } finally {
    onViewers(-1);
    unwatch();
    watch.close();
  }
}

/** A step that has written nothing yet has an empty log. */
async function sliceOf(
  logs: LogStore,
  { attempt, step }: LogPlace,
  from: From,
  maxBytes = CHUNK_BYTES,
): Promise<LogSlice> {
  const slice = await logs.read(attempt, step, from, maxBytes);
  if (!slice.ok && slice.error.code === 'not_found' && slice.error.reason === null) return NOTHING;
  return unwrap(slice);
}

const NOTHING: LogSlice = { bytes: new Uint8Array(), offset: 0, firstLine: 1, length: 0, lines: 0, sealed: false };

function headersOf({ length, lines, sealed }: LogSlice): Record<string, string> {
  return { 'X-Log-Length': String(length), 'X-Log-Lines': String(lines), 'X-Log-Sealed': String(sealed) };
}
