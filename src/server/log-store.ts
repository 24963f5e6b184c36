import type { ApiResult } from '../protocol/api-error.ts';
import type { LogChunk, LogReply } from '../protocol/agent-api.ts';

/** Bytes of a step's log and where they stand. */
export interface LogSlice {
  readonly bytes: Uint8Array;
  /** Of the first byte. */
  readonly offset: number;
  /** Number of the first line that begins in the slice, from 1. */
  readonly firstLine: number;
  /** Of the whole log so far. */
  readonly length: number;
  readonly lines: number;
  /** No more will come. */
  readonly sealed: boolean;
}

export interface LogHitPlace {
  readonly step: number;
  readonly line: number;
  readonly text: string;
}

/**
 * The logs of steps: byte streams that grow at their end. Bytes are acknowledged when they and their place are durable.
 * Reads see what is durable, from any server that shares the folder.
 */
export interface LogStore {
  /**
   * Appends at exactly the offset where the log ends: bytes before it are skipped when they were there already; a gap is
   * `wrong-offset`. Refuses with `disk-full`, `too-large`, `checksum`, `sealed`.
   */
  append(chunk: Omit<LogChunk, 'fence'>): Promise<ApiResult<LogReply>>;
  /** At most `maxBytes`, from a byte or from a line; fewer, down to none, at the end. */
  read(
    attempt: string,
    step: number,
    from: { readonly byte: number } | { readonly line: number },
    maxBytes: number,
  ): Promise<ApiResult<LogSlice>>;
  /** Lines that have the text, or match the pattern, in the order of the steps; ends at `limit`. */
  search(
    attempt: string,
    query: { readonly text: string; readonly pattern: boolean; readonly step: number | null; readonly limit: number },
    signal: AbortSignal,
  ): AsyncIterable<LogHitPlace>;
  /** Removes segments that nothing refers to any more. Bytes freed. */
  sweep(): Promise<number>;
  close(): Promise<void>;
}
