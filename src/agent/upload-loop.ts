import { crc32 } from 'node:zlib';
import type { AgentState, OpenSession } from './agent-state.ts';
import { goOn } from './attempt-life.ts';
import { logOf } from './attempt-log.ts';
import { Backoff } from './backoff.ts';
import type { HeldAttempt } from './held-attempt.ts';
import { applyChunk, type ChunkOutcome } from './apply-chunk.ts';
import type { LogProgress } from './log-progress.ts';
import type { SessionLoop } from './session-loop.ts';

/** Of a chunk, in bytes. */
export const CHUNK_BYTES = 1_048_576;
/** Requests at once; a log has one at a time, so its bytes arrive in order. */
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
        void this.#upload(session, next.attempt, next.log);
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
  #next(): { readonly attempt: HeldAttempt; readonly log: LogProgress; readonly at: number } | null {
    if (this.#busy.size >= UPLOADS_AT_ONCE) return null;
    let first: { readonly attempt: HeldAttempt; readonly log: LogProgress; readonly at: number } | null = null;
    for (const attempt of this.#state.attempts.open) {
      if (attempt.ack === null || attempt.fate?.kind === 'fenced') continue;
      for (const log of attempt.logs.values()) {
        const at = Math.max(this.#dueAt(attempt, log), this.#notBefore());
        if (at !== Infinity && !this.#busy.has(log) && (first === null || at < first.at)) first = { attempt, log, at };
      }
    }
    return first;
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

  async #upload(session: OpenSession, attempt: HeldAttempt, log: LogProgress): Promise<void> {
    const state = this.#state;
    this.#busy.add(log);
    const { outages } = state;
    try {
      const outcome = await this.#send(session, attempt, log);
      log.nextAt = state.now;
      if (outcome.kind === 'ok') {
        log.failures = 0;
        this.#backoff.reset();
        goOn(state, attempt);
      } else if (outcome.kind === 'retry') {
        log.failures++;
        log.nextAt = state.now + outcome.afterMs;
      } else if (outcome.kind === 'server') this.#wait(outcome.afterMs, outages);
    } catch (error) {
      log.stopped = `it cannot be read: ${String(error)}`;
      logOf(state, attempt).error(`log is not sent: ${log.stopped}`, { step: log.step });
      goOn(state, attempt);
    } finally {
      this.#busy.delete(log);
      state.wake();
    }
  }

  /** Several that were under way fail of one cause: that is one pause. @param outages When it was sent. */
  #wait(afterMs: number, outages: number): void {
    const { now } = this.#state;
    if (now < this.#notBefore()) return;
    this.#pause = { until: now + this.#backoff.next(afterMs), outages: afterMs > 0 ? Infinity : outages };
  }

  async #send(session: OpenSession, attempt: HeldAttempt, log: LogProgress): Promise<ChunkOutcome> {
    const offset = log.sent;
    const wanted = Math.min(CHUNK_BYTES, log.length - offset);
    const bytes = wanted === 0 ? new Uint8Array() : await attempt.folder.readLog(log.step, offset, wanted);
    if (wanted > 0 && bytes.length === 0) throw new Error('the file is shorter than it was');
    const crc = crc32(bytes).toString(16).padStart(8, '0');
    const chunk = { attempt: attempt.id, step: log.step, fence: attempt.fence, offset, crc32: crc, bytes };
    const result = await this.#state.ports.api.appendLog(session.key, chunk);
    // A session that was opened meanwhile knows better.
    if (this.#state.session !== session) return { kind: 'session' };
    if (!result.ok && this.#sessions.ends(session.key, result.error)) return { kind: 'session' };
    return applyChunk(this.#state, attempt, log, result);
  }
}
