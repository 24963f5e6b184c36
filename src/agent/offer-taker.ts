import type { AcceptReply, Offer } from '../protocol/agent-api.ts';
import { CHAIN_START } from '../kernel/record-chain.ts';
import type { AgentState, OpenSession } from './agent-state.ts';
import type { AttemptFolder, AttemptMeta, WaitingWorker } from './agent-ports.ts';
import { allowsRepository } from './allow-list.ts';
import { liveFromStart } from './attempt-life.ts';
import { logOf } from './attempt-log.ts';
import { Backoff } from './backoff.ts';
import { HeldAttempt } from './held-attempt.ts';
import { retryAfter } from './retry-after.ts';
import type { SessionLoop } from './session-loop.ts';
import { assignmentOf } from './worker-assignment.ts';

/** It becomes the name of a folder. */
const ATTEMPT_ID = /^[A-Za-z0-9_-]{1,100}$/;
/** Soon: the offer is good for seconds only. */
const ACCEPT_WINDOWS = { firstMs: 250, lastMs: 4_000 };

/** Turns offers into attempts: accepts them, writes down that they start, and hands them over to their life. */
export class OfferTaker {
  readonly #state: AgentState;
  readonly #sessions: SessionLoop;

  constructor(state: AgentState, sessions: SessionLoop) {
    this.#state = state;
    this.#sessions = sessions;
  }

  /** False when it is known already. Does not wait for what comes of it. */
  take(session: OpenSession, offer: Offer): boolean {
    const { attempts, accepting, ports, takesWork } = this.#state;
    const { attempt: id, fence } = offer;
    const held = attempts.find(id);
    if (accepting.get(id) === fence || held?.fence === fence) return false;
    if (!ATTEMPT_ID.test(id)) {
      ports.log.error('offer with an id that cannot be a folder is ignored', { attempt: JSON.stringify(id) });
      return false;
    }
    if (!this.#allows(offer.repository)) {
      void this.#decline(session, offer, refusalOf(offer.repository), true);
      return true;
    }
    const slot = takesWork ? attempts.takeSlot() : null;
    if (slot === null) {
      void this.#decline(session, offer, 'the runner has no free slot', false);
      return true;
    }
    held?.doom({ kind: 'fenced', why: 'it was offered anew' });
    accepting.set(id, fence);
    void this.#accept(session, offer, slot).then((started) => {
      if (accepting.get(id) === fence) accepting.delete(id);
      if (!started) attempts.freeSlot(slot);
      this.#state.wake();
    });
    return true;
  }

  /** Whether it became an attempt, which then has the slot. */
  async #accept(session: OpenSession, offer: Offer, slot: number): Promise<boolean> {
    const { attempt, fence } = offer;
    const { ports } = this.#state;
    const jobId = `${attempt}-${fence}`;
    const asked = this.#ask(session, offer);
    const spawned = ports.workers.spawn({ jobId, attempt, fence }).then(
      (worker) => ({ worker }),
      (error: unknown) => ({ error }),
    );
    const accepted = await asked;
    const start = await spawned;
    if (accepted === null || 'error' in start) {
      if ('worker' in start) start.worker.dismiss();
      else if (accepted !== null)
        await this.#decline(session, offer, `no worker can be started: ${String(start.error)}`, false);
      return false;
    }
    // What was offered is one thing, what is to be run another: the list holds for both.
    const { checkout } = accepted.reply.message;
    const repository = checkout?.repository ?? offer.repository;
    if (!this.#allows(repository)) {
      start.worker.dismiss();
      await this.#decline(session, offer, refusalOf(repository), true);
      return false;
    }
    return this.#begin(session, offer, slot, accepted, start.worker);
  }

  #allows(repository: string | null): boolean {
    return allowsRepository(this.#state.settings.allowRepositories, repository);
  }

  async #begin(
    session: OpenSession,
    offer: Offer,
    slot: number,
    { reply, at }: Accepted,
    worker: WaitingWorker,
  ): Promise<boolean> {
    const state = this.#state;
    let folder: AttemptFolder | null = null;
    try {
      const order = assignmentOf(state, offer, slot, reply);
      folder = await state.ports.attempts.create(metaOf(offer, slot, reply, worker));
      const now = new Date(state.ports.clock.now()).toISOString();
      const end = await folder.append([{ kind: 'job-started', at: now }]);
      const attempt = new HeldAttempt(folder, 'waiting', end, { at, ms: reply.leaseMs });
      attempt.ack = 0;
      attempt.ackHash = CHAIN_START;
      attempt.urgent = true;
      state.attempts.put(attempt);
      if (state.settings.ephemeral) state.advance('leave', 'consumed');
      logOf(state, attempt).info('job is accepted', { fence: offer.fence, slot });
      state.follow(liveFromStart(state, attempt, worker, order));
      return true;
    } catch (error) {
      worker.dismiss();
      // What cannot be removed either is found at the next start, and declined once more.
      await folder?.remove().catch(() => undefined);
      await this.#decline(session, offer, `the job cannot be kept here: ${String(error)}`, false);
      return false;
    }
  }

  /** Asks until there is an answer: the same session and fence are answered the same. Null: it is not ours. */
  async #ask(session: OpenSession, { attempt, fence, run, job }: Offer): Promise<Accepted | null> {
    const state = this.#state;
    const backoff = new Backoff(() => state.ports.random(), ACCEPT_WINDOWS);
    while (state.session === session && !state.isOver()) {
      const at = state.now;
      const result = await state.ports.api.accept(session.key, attempt, fence);
      if (result.ok) return { reply: result.value, at };
      const { error } = result;
      if (this.#sessions.ends(session.key, error)) return null;
      if (error.code !== 'unavailable' && error.code !== 'internal') {
        state.ports.log.info(`offer is gone: ${error.message}`, { attempt, run, job });
        return null;
      }
      await state.untilOrAfter(() => state.session !== session, backoff.next(retryAfter(error)));
    }
    return null;
  }

  async #decline(session: OpenSession, offer: Offer, reason: string, final: boolean): Promise<void> {
    const { ports } = this.#state;
    const { attempt, fence, run, job } = offer;
    ports.log.warn(`job is declined: ${reason}`, { attempt, run, job, final });
    const result = await ports.api.decline(session.key, attempt, { fence, reason: reason.slice(0, MAX_REASON), final });
    // The server offers it again then, or elsewhere when its time is over.
    if (!result.ok) ports.log.debug(`not declined: ${result.error.message}`, { attempt, run, job });
  }
}

const MAX_REASON = 500;

function refusalOf(repository: string | null): string {
  return `this runner takes no jobs of ${repository ?? 'runs without a repository'}`;
}

interface Accepted {
  readonly reply: AcceptReply;
  /** When the request was sent, monotonic milliseconds. */
  readonly at: number;
}

function metaOf(
  { attempt, fence, run, job }: Offer,
  slot: number,
  reply: AcceptReply,
  worker: WaitingWorker,
): AttemptMeta {
  const { policy } = reply;
  const jobId = `${attempt}-${fence}`;
  const none = { incarnation: null, over: null };
  const limitMs = (reply.message.timeoutMinutes ?? 0) * MS_PER_MINUTE;
  return {
    ...{ attempt, fence, jobId, run, job, policy, slot, state: 'starting', worker: worker.identity, ...none },
    ...(limitMs > 0 ? { limitMs } : {}),
  };
}

const MS_PER_MINUTE = 60_000;
