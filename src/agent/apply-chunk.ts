import type { LogReply } from '../protocol/agent-api.ts';
import type { ApiError, ApiErrorReason, ApiResult } from '../protocol/api-error.ts';
import type { AgentState } from './agent-state.ts';
import { logOf } from './attempt-log.ts';
import type { HeldAttempt } from './held-attempt.ts';
import { type LogProgress, resumeAt } from './log-progress.ts';
import { retryAfter } from './retry-after.ts';

/** What comes after a chunk. `retry`: this log alone waits. `server`: every log does. */
export type ChunkOutcome = { readonly kind: 'ok' } | { readonly kind: 'retry' | 'server'; readonly afterMs: number };

/** A disk is not emptied within seconds. */
const DISK_FULL_PAUSE_MS = 60_000;
const RETRY_PAUSE_MS = 1_000;
/** Failures in a row, none of which was the network's or a full disk's, until a log is given up. */
const MAX_FAILURES = 10;

/** Takes over what the answer says of a log. */
export function applyChunk(
  state: AgentState,
  attempt: HeldAttempt,
  log: LogProgress,
  result: ApiResult<LogReply>,
): ChunkOutcome {
  if (result.ok) {
    log.sent = Math.min(result.value.received, log.length);
    log.durable = Math.min(result.value.durable, log.sent);
    return { kind: 'ok' };
  }
  return refused(state, attempt, log, result.error);
}

/** Nothing more of this log is of use. */
const END_OF_A_LOG: ReadonlySet<ApiErrorReason> = new Set([
  'sealed',
  'too-large',
  'already-final',
  'illegal-transition',
]);

function refused(state: AgentState, attempt: HeldAttempt, log: LogProgress, error: ApiError): ChunkOutcome {
  const { code, reason, message } = error;
  if (reason === 'wrong-offset') return resume(state, attempt, log, error);
  if (reason === 'disk-full') {
    if (log.failures === 0) logOf(state, attempt).warn(`log waits: ${message}`, { step: log.step });
    return { kind: 'retry', afterMs: Math.max(retryAfter(error), DISK_FULL_PAUSE_MS) };
  }
  if (reason === 'fenced') {
    for (const each of attempt.logs.values()) stop(state, attempt, each, message);
    return { kind: 'ok' };
  }
  if (code === 'not_found' || (reason !== null && END_OF_A_LOG.has(reason))) return stop(state, attempt, log, message);
  if (code === 'unavailable' || reason === 'rate-limited') return { kind: 'server', afterMs: retryAfter(error) };
  if (log.failures >= MAX_FAILURES) return stop(state, attempt, log, message);
  return { kind: 'retry', afterMs: Math.max(retryAfter(error), RETRY_PAUSE_MS * 2 ** log.failures) };
}

function resume(state: AgentState, attempt: HeldAttempt, log: LogProgress, error: ApiError): ChunkOutcome {
  const offset = error.detail?.['offset'];
  if (typeof offset !== 'number' || offset < 0) return stop(state, attempt, log, error.message);
  if (offset === log.sent) return { kind: 'retry', afterMs: RETRY_PAUSE_MS };
  logOf(state, attempt).debug('log goes on where the server has it', { step: log.step, from: log.sent, offset });
  resumeAt(log, offset);
  return { kind: 'ok' };
}

function stop(state: AgentState, attempt: HeldAttempt, log: LogProgress, why: string): ChunkOutcome {
  if (log.stopped === null) logOf(state, attempt).warn(`log is not sent any further: ${why}`, { step: log.step });
  log.stopped = why;
  return { kind: 'ok' };
}
