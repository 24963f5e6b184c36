import { MAX_NOTE_LENGTH, type PollReply, type PollRequest } from '../protocol/agent-api.ts';
import type { ApiResult } from '../protocol/api-error.ts';
import type { AgentState, OpenSession } from './agent-state.ts';
import { goOn } from './attempt-life.ts';
import { Backoff } from './backoff.ts';
import type { OfferTaker } from './offer-taker.ts';
import { retryAfter } from './retry-after.ts';
import type { SessionLoop } from './session-loop.ts';

/** A server that answers at once and says nothing new is not asked again before this. */
const LEAST_GAP_MS = 1_000;

/**
 * Asks for work and commands, for all slots in one request that the server holds. It tells what the agent has, so an
 * answer that was lost comes again. Whatever goes wrong with one offer, the next poll follows.
 */
export class PollLoop {
  readonly #state: AgentState;
  readonly #sessions: SessionLoop;
  readonly #offers: OfferTaker;
  readonly #backoff: Backoff;

  constructor(state: AgentState, sessions: SessionLoop, offers: OfferTaker) {
    this.#state = state;
    this.#sessions = sessions;
    this.#offers = offers;
    this.#backoff = new Backoff(() => state.ports.random());
  }

  async run(): Promise<void> {
    const state = this.#state;
    while (!state.isOver()) {
      await state.until(() => state.session !== null);
      const { session, now, outages } = state;
      if (session === null || state.isOver()) continue;
      const result = await this.#poll(session);
      if (result === null || state.session !== session) continue;
      if (result.ok) {
        this.#sessions.confirm();
        this.#backoff.reset();
        const news = result.value !== null && this.#handle(session, result.value);
        if (!news) await state.untilOrAfter(() => state.session !== session, now + LEAST_GAP_MS - state.now);
      } else if (!this.#sessions.ends(session.key, result.error)) {
        const wished = retryAfter(result.error);
        const pause = this.#backoff.next(wished);
        state.ports.log.warn(`poll failed: ${result.error.message}`, { retryInMs: Math.round(pause) });
        const isBack = (): boolean => wished === 0 && state.outages !== outages;
        await state.untilOrAfter(() => state.session !== session || isBack(), pause);
      }
    }
  }

  /** Null when what the request told is not true any more. */
  async #poll(session: OpenSession): Promise<ApiResult<PollReply | null> | null> {
    const state = this.#state;
    const request = this.#request(session);
    const stale = (): boolean =>
      state.session !== session ||
      state.takesWork !== request.takesWork ||
      noteOf(state, session)?.note !== request.note ||
      (state.takesWork && state.attempts.freeSlots > request.freeSlots);
    const controller = new AbortController();
    let answered = false;
    void state
      .until(() => answered || stale())
      .then(() => {
        if (!answered) controller.abort();
      });
    try {
      return await state.ports.api.poll(session.key, request, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      return null;
    } finally {
      answered = true;
      state.wake();
    }
  }

  #request(session: OpenSession): PollRequest {
    const { attempts, accepting, takesWork } = this.#state;
    const held = attempts.open.filter(({ isHeld }) => isHeld);
    return {
      freeSlots: takesWork ? attempts.freeSlots : 0,
      takesWork,
      ...noteOf(this.#state, session),
      holding: [
        ...held.map(({ id, fence, cancel }) => ({ attempt: id, fence, cancelling: cancel !== null })),
        ...[...accepting].map(([attempt, fence]) => ({ attempt, fence, cancelling: false })),
      ],
    };
  }

  /** Whether anything in it was new. */
  #handle(session: OpenSession, { offers, cancels, fenced, paused, leave }: PollReply): boolean {
    const state = this.#state;
    let news = paused !== state.paused || (leave && state.stage === 'work');
    state.paused = paused;
    if (leave) state.advance('leave', 'left');
    for (const offer of offers) if (this.#offers.take(session, offer)) news = true;
    for (const { attempt: id, fence, cause, force } of cancels) {
      const attempt = state.attempts.find(id);
      if (attempt?.fence !== fence || !attempt.isHeld) continue;
      news ||= attempt.cancel === null;
      attempt.askCancel({ cause, force });
    }
    for (const id of fenced) {
      const attempt = state.attempts.find(id);
      if (attempt === null || !attempt.isHeld || attempt.fate?.kind === 'fenced') continue;
      news = true;
      attempt.doom({ kind: 'fenced', why: 'it is not this runner’s any more' });
      goOn(state, attempt);
    }
    state.wake();
    return news;
  }
}

/** For people, where the server can do something with it. */
function noteOf({ stage, health }: AgentState, { features }: OpenSession): Pick<PollRequest, 'note'> | null {
  const problem = stage === 'work' ? (health?.problem ?? null) : null;
  return problem === null || !features.includes('poll-notes')
    ? null
    : { note: problem.message.slice(0, MAX_NOTE_LENGTH) };
}
