import { Pace } from '../kernel/pace.ts';
import type { ApiError } from '../protocol/api-error.ts';
import type { AgentState, OpenSession } from './agent-state.ts';
import { Backoff } from './backoff.ts';
import type { HeldAttempt } from './held-attempt.ts';
import { retryAfter } from './retry-after.ts';
import type { SessionLoop } from './session-loop.ts';
import { applySync, composeSync } from './sync-batch.ts';

/** What happens within this time is told together, */
const COALESCE_MS = 100;
/** but for the first few things, such as those of a short job: somebody may look at it. */
const COALESCE_BURST = 5;
/** A renewal that failed is tried several times within its lease, whatever that is. */
const TRIES_IN_A_LEASE = 8;
const FIRST_WINDOW_MS = 500;
/** Of the records in one request, together. */
const BATCH_BYTES = 1_000_000;
const LEAST_BATCH_BYTES = 1_000;

/**
 * Renews the leases, sends what is in the journals, and takes what the server wants of the attempts: one request for all
 * of them, at once when there is something to tell, else in time for the leases.
 */
export class SyncLoop {
  readonly #state: AgentState;
  readonly #sessions: SessionLoop;
  #backoff: Backoff;
  readonly #pace = new Pace(COALESCE_MS, COALESCE_BURST);
  #sentAt = -Infinity;
  #notBefore = -Infinity;
  #leaseMs = 0;
  /** The last one had no answer. */
  #silent = false;
  #batchBytes = BATCH_BYTES;

  constructor(state: AgentState, sessions: SessionLoop) {
    this.#state = state;
    this.#sessions = sessions;
    this.#backoff = this.#backoffFor(0);
  }

  async run(): Promise<void> {
    const state = this.#state;
    while (!state.isOver()) {
      const session = state.session;
      const at = session === null ? Infinity : this.#dueAt(session);
      if (session !== null && at <= state.now) {
        await this.#sync(session);
        continue;
      }
      // Moments are compared, not waits: a wait is shorter at every look.
      const due = (): boolean =>
        state.session !== session || (state.session !== null && this.#dueAt(state.session) < at);
      await (at === Infinity ? state.until(due) : state.untilOrAfter(due, at - state.now));
    }
  }

  /** When the next one is to be sent; Infinity: nothing is held. */
  #dueAt({ renewMs }: OpenSession): number {
    let due = Infinity;
    for (const attempt of this.#reporting()) {
      due = Math.min(due, attempt.urgent ? -Infinity : this.#sentAt + renewMs);
      if (attempt.unsentSince !== null) due = Math.min(due, Math.max(attempt.unsentSince, this.#pace.next));
    }
    return Math.max(due, this.#notBefore);
  }

  #reporting(): readonly HeldAttempt[] {
    return this.#state.attempts.open.filter(
      ({ isHeld, phase, ack, fate }) => isHeld && phase !== 'unstarted' && ack !== null && fate?.kind !== 'fenced',
    );
  }

  async #sync(session: OpenSession): Promise<void> {
    const state = this.#state;
    const batch = await composeSync(state, this.#reporting(), this.#batchBytes);
    this.#sentAt = state.now;
    this.#pace.take(state.now);
    this.#notBefore = -Infinity;
    if (batch.entries.length === 0) {
      this.#fail('there is nothing that can be read', 0);
      return;
    }
    const result = await state.ports.api.sync(session.key, { attempts: batch.entries });
    // A session that was opened meanwhile knows better.
    if (state.session !== session) return;
    if (!result.ok) {
      if (!this.#sessions.ends(session.key, result.error)) this.#refused(result.error);
      for (const attempt of batch.attempts) attempt.urgent = true;
      return;
    }
    this.#sessions.confirm();
    const { leaseMs, logIntervalMs } = result.value;
    if (leaseMs !== this.#leaseMs) this.#backoff = this.#backoffFor(leaseMs);
    state.logIntervalMs = logIntervalMs;
    state.lastSync = state.ports.clock.now();
    if (this.#silent) state.outages++;
    this.#silent = false;
    if (applySync(state, batch, result.value, this.#sentAt)) {
      this.#backoff.reset();
      this.#batchBytes = Math.min(this.#batchBytes * 2, BATCH_BYTES);
    } else this.#fail('the server took nothing of it', 0);
    state.wake();
  }

  #refused(error: ApiError): void {
    if (error.reason === 'network') this.#silent = true;
    if (error.reason === 'too-large') this.#batchBytes = Math.max(this.#batchBytes / 2, LEAST_BATCH_BYTES);
    this.#fail(error.message, retryAfter(error));
  }

  /** The leases stay as they are: nothing is lost while one of the next tries gets through. */
  #fail(why: string, retryAfterMs: number): void {
    const pause = this.#backoff.next(retryAfterMs);
    this.#notBefore = this.#state.now + pause;
    this.#state.ports.log.warn(`sync failed: ${why}`, { retryInMs: Math.round(pause) });
  }

  #backoffFor(leaseMs: number): Backoff {
    this.#leaseMs = leaseMs;
    const lastMs = Math.max(FIRST_WINDOW_MS, leaseMs / TRIES_IN_A_LEASE);
    return new Backoff(() => this.#state.ports.random(), { firstMs: FIRST_WINDOW_MS, lastMs });
  }
}
