import { crc32 } from 'node:zlib';
import { type LogChunk, type LogReply, MAX_BATCH_CHUNKS } from '../protocol/agent-api.ts';
import type { ApiResult } from '../protocol/api-error.ts';
import type { AgentState, OpenSession } from './agent-state.ts';
import { goOn } from './attempt-life.ts';
import { logOf } from './attempt-log.ts';
import { Backoff } from './backoff.ts';
import type { HeldAttempt } from './held-attempt.ts';
import { applyChunk } from './apply-chunk.ts';
import type { LogProgress } from './log-progress.ts';
import type { SessionLoop } from './session-loop.ts';

/** Of a chunk, in bytes. */
export const CHUNK_BYTES = 1_048_576;
/** Requests at once; a log is in one of them at a time, so its bytes arrive in order. */
const UPLOADS_AT_ONCE = 4;
/** Least time between two chunks of a log that somebody watches. */
const LIVE_GAP_MS = 100;
/** How often it is asked whether the last bytes are durable. */
const DURABLE_GAP_MS = 1_000;

/**
 * Sends the logs as streams of bytes, beside everything else: results never wait for them. What the server has not got,
 * and what it may still forget, stays on the disk.
 */
export class UploadLoop {
  readonly #state: AgentState;
  readonly #sessions: SessionLoop;
  readonly #backoff: Backoff;
  readonly #busy = new Set<LogProgress>();
  #requests = 0;
  /** Did not take several logs in one request, whatever it had said. */
  #onlySingles: OpenSession | null = null;
  /** Of all logs. It ends early with the outage that it is for; what the server asked for is kept. */
  #pause = { until: -Infinity, outages: Infinity };

  constructor(state: AgentState, sessions: SessionLoop) {
    this.#state = state;
    this.#sessions = sessions;
    this.#backoff = new Backoff(() => state.ports.random());
  }

  async run(): Promise<void> {
    const state = this.#state;
    while (!state.isOver()) {
      const session = state.session;
      const next = session === null ? null : this.#next();
      if (session !== null && next !== null && next.at <= state.now) {
        void this.#upload(session, this.#batch(session, next));
        continue;
      }
      const at = next?.at ?? Infinity;
      // Moments are compared, not waits: a wait is shorter at every look. Without a session nothing is due, whatever is
      // to be sent: looking at it again and again would not end.
      const due = (): boolean => state.session !== session || (session !== null && (this.#next()?.at ?? Infinity) < at);
      await (at === Infinity ? state.until(due) : state.untilOrAfter(due, at - state.now));
    }
    await state.untilIdle(() => this.#busy.size === 0);
  }

  /** The log whose turn comes first; null when nothing is to be sent, or enough is on its way. */
  #next(): DueLog | null {
    if (this.#requests >= UPLOADS_AT_ONCE) return null;
    let first: DueLog | null = null;
    for (const due of this.#dueLogs()) if (first === null || due.at < first.at) first = due;
    return first;
  }

  /** What goes in one request: of an old server one log, else all that are due as far as there is room. */
  #batch(session: OpenSession, first: DueLog): readonly DueLog[] {
    if (!session.features.includes('log-batches') || this.#onlySingles === session) return [first];
    const { now } = this.#state;
    const batch = [first];
    let room = CHUNK_BYTES - sizeOf(first.log);
    for (const due of this.#dueLogs()) {
      if (batch.length === MAX_BATCH_CHUNKS) break;
      if (due.log === first.log || due.at > now || sizeOf(due.log) > room) continue;
      batch.push(due);
      room -= sizeOf(due.log);
    }
    return batch;
  }

  *#dueLogs(): Generator<DueLog> {
    for (const attempt of this.#state.attempts.open) {
      if (attempt.ack === null || attempt.fate?.kind === 'fenced') continue;
      for (const log of attempt.logs.values()) {
        const at = Math.max(this.#dueAt(attempt, log), this.#notBefore());
        if (at !== Infinity && !this.#busy.has(log)) yield { attempt, log, at };
      }
    }
  }

  #notBefore(): number {
    const { until, outages } = this.#pause;
    return outages < this.#state.outages ? -Infinity : until;
  }

  #dueAt({ live, phase }: HeldAttempt, { length, sent, durable, stopped, nextAt, failures }: LogProgress): number {
    if (stopped !== null || length === durable) return Infinity;
    if (failures > 0) return nextAt;
    if (sent === length) return nextAt + DURABLE_GAP_MS;
    if (length - sent >= CHUNK_BYTES || phase !== 'running') return nextAt;
    return nextAt + (live ? LIVE_GAP_MS : this.#state.logIntervalMs);
  }

  async #upload(session: OpenSession, batch: readonly DueLog[]): Promise<void> {
    const state = this.#state;
    const { outages } = state;
    this.#requests++;
    for (const { log } of batch) this.#busy.add(log);
    try {
      const chunks = await Promise.all(batch.map((due) => this.#read(due)));
      const sent = chunks.filter((chunk) => chunk !== null);
      const results = sent.length === 0 ? [] : await this.#send(session, sent);
      for (const { attempt, log } of batch) {
        const result = results[sent.findIndex((chunk) => chunk.attempt === attempt.id && chunk.step === log.step)];
        if (result !== undefined) this.#take(session, attempt, log, result, outages);
      }
    } finally {
      for (const { log } of batch) this.#busy.delete(log);
      this.#requests--;
      state.wake();
    }
  }

  /** Null when the log cannot be read: then it is not sent any further. */
  async #read({ attempt, log }: DueLog): Promise<LogChunk | null> {
    const offset = log.sent;
    const wanted = sizeOf(log);
    try {
      const bytes = wanted === 0 ? new Uint8Array() : await attempt.folder.readLog(log.step, offset, wanted);
      if (wanted > 0 && bytes.length === 0) throw new Error('the file is shorter than it was');
      const crc = crc32(bytes).toString(16).padStart(8, '0');
      return { attempt: attempt.id, step: log.step, fence: attempt.fence, offset, crc32: crc, bytes };
    } catch (error) {
      log.stopped = `it cannot be read: ${String(error)}`;
      logOf(this.#state, attempt).error(`log is not sent: ${log.stopped}`, { step: log.step });
      goOn(this.#state, attempt);
      return null;
    }
  }

  /** Empty when they are to be sent again, each alone. */
  async #send(session: OpenSession, chunks: readonly LogChunk[]): Promise<readonly ApiResult<LogReply>[]> {
    const { api, log } = this.#state.ports;
    const [only] = chunks;
    if (only !== undefined && chunks.length === 1) return [await api.appendLog(session.key, only)];
    const result = await api.appendLogs(session.key, chunks);
    if (result.ok) return result.value;
    const { code, reason, message } = result.error;
    if (code === 'unavailable' || code === 'unauthorized' || reason === 'rate-limited' || reason === 'superseded')
      return chunks.map(() => result);
    log.warn(`the server does not take several logs at once: ${message}`);
    this.#onlySingles = session;
    return [];
  }

  #take(
    session: OpenSession,
    attempt: HeldAttempt,
    log: LogProgress,
    result: ApiResult<LogReply>,
    outages: number,
  ): void {
    const state = this.#state;
    // A session that was opened meanwhile knows better.
    if (state.session !== session) return;
    if (!result.ok && this.#sessions.ends(session.key, result.error)) return;
    const outcome = applyChunk(state, attempt, log, result);
    log.nextAt = state.now;
    if (outcome.kind === 'ok') {
      log.failures = 0;
      this.#backoff.reset();
      goOn(state, attempt);
    } else if (outcome.kind === 'retry') {
      log.failures++;
      log.nextAt = state.now + outcome.afterMs;
    } else this.#wait(outcome.afterMs, outages);
  }

  /** Several that were under way fail of one cause: that is one pause. @param outages When it was sent. */
  #wait(afterMs: number, outages: number): void {
    const { now } = this.#state;
    if (now < this.#notBefore()) return;
    this.#pause = { until: now + this.#backoff.next(afterMs), outages: afterMs > 0 ? Infinity : outages };
  }
}

interface DueLog {
  readonly attempt: HeldAttempt;
  readonly log: LogProgress;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** Of the next chunk of it, in bytes. */
function sizeOf({ length, sent }: LogProgress): number {
  return Math.min(CHUNK_BYTES, length - sent);
}
