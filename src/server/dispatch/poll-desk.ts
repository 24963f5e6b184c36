import type { Clock } from '../../kernel/clock.ts';
import type { Offer, PollReply, PollRequest } from '../../protocol/agent-api.ts';
import type { ApiError } from '../../protocol/api-error.ts';
import type { Store } from '../store.ts';
import { Dispatcher } from './dispatcher.ts';
import type { LiveSession } from './live-session.ts';
import type { SessionView } from './poll-state.ts';

export interface PollDeskOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** How long a poll is held, ± 10 %. */
  readonly pollMs: number;
}

/** `over`: the session is; its token says why. */
export type PollEnd =
  | { readonly kind: 'reply'; readonly reply: PollReply | null }
  | { readonly kind: 'over' }
  | { readonly kind: 'error'; readonly error: ApiError };

interface HeldPoll {
  readonly session: LiveSession;
  readonly request: PollRequest;
  /** The first one counts. */
  readonly end: (end: PollEnd) => void;
  /** Nothing differed when it was looked at. */
  viewed: boolean;
  /** The dispatcher may not give it anything until something changes. */
  barred: boolean;
  /** Cancels the timer for what is to be said again. */
  cancelRepeat: () => void;
}

const JITTER = 0.1;
/** Views that one operation makes. */
const VIEWS_AT_ONCE = 500;
/** An agent that is told what it cannot have done yet is not told again before. */
const REPEAT_MS = 2_000;

/** Holds the polls of agents and answers each as soon as the server's view of its session differs from the agent's. */
export class PollDesk {
  readonly #options: PollDeskOptions;
  readonly dispatcher: Dispatcher;
  readonly #held = new Map<string, HeldPoll>();
  /** Sessions to look at. */
  readonly #toView = new Set<string>();
  #isViewing = false;
  #isClosed = false;

  constructor(options: PollDeskOptions) {
    this.#options = options;
    const { store, clock } = options;
    this.dispatcher = new Dispatcher({
      store,
      clock,
      onOffers: (session, offers) => this.#offer(session, offers),
      onBarred: (session) => {
        const poll = this.#held.get(session);
        if (poll) poll.barred = true;
      },
    });
  }

  isHeld(session: string): boolean {
    return this.#held.has(session);
  }

  /** Rejects with the signal's reason. */
  poll(session: LiveSession, request: PollRequest, signal: AbortSignal): Promise<PollEnd> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      this.#held.get(session.id)?.end(NOTHING);
      if (this.#isClosed) {
        resolve(NOTHING);
        return;
      }
      const { clock, random, pollMs } = this.#options;
      const settle = (): boolean => {
        if (this.#held.get(session.id) !== poll) return false;
        this.#held.delete(session.id);
        this.dispatcher.leave(session.id);
        cancelHold();
        poll.cancelRepeat();
        signal.removeEventListener('abort', abort);
        return true;
      };
      const poll: HeldPoll = {
        session,
        request,
        end: (end) => {
          if (settle()) resolve(end);
        },
        viewed: false,
        barred: false,
        cancelRepeat: nothing,
      };
      const abort = (): void => {
        if (settle()) reject(signal.reason as Error);
      };
      this.#held.set(session.id, poll);
      signal.addEventListener('abort', abort, { once: true });
      const holdMs = pollMs * (1 - JITTER + 2 * JITTER * random());
      const cancelHold = clock.after(holdMs, () => poll.end(NOTHING));
      this.look(session.id);
    });
  }

  /** Something of the session may have changed. */
  look(session: string): void {
    const poll = this.#held.get(session);
    if (!poll) return;
    this.dispatcher.leave(session);
    poll.viewed = false;
    this.#toView.add(session);
    if (this.#isViewing) return;
    this.#isViewing = true;
    void this.#view();
  }

  /** The session has reported: a slot may have become free that it polled for already. */
  reported(session: string): void {
    if (this.#held.get(session)?.barred === true) this.look(session);
  }

  close(): void {
    this.#isClosed = true;
    for (const poll of [...this.#held.values()]) poll.end(NOTHING);
    this.dispatcher.close();
  }

  async #view(): Promise<void> {
    try {
      while (this.#toView.size > 0) {
        // Polls that came in the same turn are looked at together.
        await Promise.resolve();
        const polls = [...this.#toView].slice(0, VIEWS_AT_ONCE).flatMap((id) => {
          this.#toView.delete(id);
          return this.#held.get(id) ?? [];
        });
        if (polls.length > 0) await this.#viewAll(polls);
      }
    } finally {
      this.#isViewing = false;
    }
  }

  async #viewAll(polls: readonly HeldPoll[]): Promise<void> {
    const sessions = polls.map(({ session, request: { holding } }) => ({ session: session.id, holding }));
    const result = await this.#options.store.execute('poll-state', { sessions });
    if (!result.ok) {
      for (const poll of polls) poll.end({ kind: 'error', error: result.error });
      return;
    }
    const news: HeldPoll[] = [];
    for (const [index, { view }] of result.value.views.entries()) {
      const poll = polls[index];
      // Another poll, or another look, has taken its place.
      if (!poll || this.#held.get(poll.session.id) !== poll || this.#toView.has(poll.session.id)) continue;
      if (view === null) poll.end({ kind: 'over' });
      else if (isNews(poll.request, view)) news.push(poll);
      else if (!poll.request.takesWork && view.offered > 0) await this.#withdraw(poll);
      else this.#compare(poll, view);
    }
    if (news.length > 0) await this.#writeDown(news);
  }

  /** Seldom: an agent says something else of itself than it did. */
  async #writeDown(polls: readonly HeldPoll[]): Promise<void> {
    const sessions = polls.map(({ session: { id }, request: { takesWork, note } }) => ({
      ...{ session: id, takesWork },
      ...(note === undefined ? {} : { note }),
    }));
    const result = await this.#options.store.execute('tell-sessions', { sessions });
    for (const poll of polls)
      if (result.ok) this.look(poll.session.id);
      else poll.end({ kind: 'error', error: result.error });
  }

  async #withdraw(poll: HeldPoll): Promise<void> {
    const result = await this.#options.store.execute('withdraw-offers', { session: poll.session.id });
    if (result.ok) this.look(poll.session.id);
    else poll.end({ kind: 'error', error: result.error });
  }

  #compare(poll: HeldPoll, view: NonNullable<SessionView['view']>): void {
    const { session, request } = poll;
    const { offers, fenced, paused, leave } = view;
    const holding = new Set(request.holding.map(({ attempt }) => attempt));
    for (const attempt of session.toldForced) if (!holding.has(attempt)) session.toldForced.delete(attempt);
    const cancelling = new Set(request.holding.filter((one) => one.cancelling).map(({ attempt }) => attempt));
    const cancels = view.cancels.filter(({ attempt }) => !cancelling.has(attempt) || !session.toldForced.has(attempt));
    const reply: PollReply = { offers: [...offers], cancels, fenced: [...fenced], paused, leave };
    const pausedChanged = paused !== session.toldPaused;
    if (offers.length > 0 || cancels.length > 0 || fenced.length > 0 || leave || pausedChanged) {
      this.#tell(poll, reply);
      return;
    }
    poll.viewed = true;
    poll.barred = paused || view.draining;
    if (request.takesWork && request.freeSlots > 0 && !poll.barred) this.dispatcher.wait(session, request.freeSlots);
  }

  #tell(poll: HeldPoll, reply: PollReply): void {
    const { session } = poll;
    const { clock } = this.#options;
    const { offers, ...rest } = reply;
    const text = JSON.stringify(rest);
    const sinceMs = session.told === null ? Infinity : clock.monotonic() - session.told.at;
    if (offers.length === 0 && session.told?.text === text && sinceMs < REPEAT_MS) {
      poll.cancelRepeat();
      poll.cancelRepeat = clock.after(REPEAT_MS - sinceMs, () => this.look(session.id));
      return;
    }
    session.told = { text, at: clock.monotonic() };
    session.toldPaused = reply.paused;
    for (const { attempt, force } of reply.cancels) if (force) session.toldForced.add(attempt);
    poll.end({ kind: 'reply', reply });
  }

  #offer(session: string, offers: readonly Offer[]): void {
    const poll = this.#held.get(session);
    if (poll?.viewed === true)
      poll.end({
        kind: 'reply',
        reply: { offers: [...offers], cancels: [], fenced: [], paused: false, leave: false },
      });
    // The poll that waited has gone: the next one is told what was offered, or this one when it is looked at.
    else this.look(session);
  }
}

function isNews({ takesWork, note }: PollRequest, view: NonNullable<SessionView['view']>): boolean {
  return takesWork !== view.takesWork || (note ?? null) !== view.note;
}

const NOTHING: PollEnd = { kind: 'reply', reply: null };
const nothing = (): void => undefined;
