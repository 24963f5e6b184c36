import type { Clock } from '../../kernel/clock.ts';
import type { SessionKey } from '../../protocol/agent-api.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import { hashToken } from '../secrets/token.ts';
import type { Store } from '../store.ts';
import { LiveSession } from './live-session.ts';

interface Entry {
  readonly session: LiveSession;
  readonly tokenHash: string;
  /** Monotonic: when the database is asked again. */
  expiresAt: number;
  stale: boolean;
}

/** Sessions whose agents ask this server, so that not every request asks the database who it is. */
export class SessionCache {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #byToken = new Map<string, Entry>();
  readonly #byId = new Map<string, Entry>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The session of a token, or why it is none. */
  async find({ session, token }: SessionKey): Promise<ApiResult<LiveSession>> {
    const tokenHash = hashToken(token);
    const known = this.#byToken.get(tokenHash);
    const now = this.#clock.monotonic();
    if (known && !known.stale && known.expiresAt > now) return this.#answer(known, session);
    if (known) known.stale = false;
    const found = await this.#store.execute('find-session', { tokenHash });
    if (!found.ok) {
      // While the database cannot be asked nothing is known to have changed.
      if (known && found.error.reason !== 'database') this.#drop(known);
      else if (known) known.stale = true;
      return found;
    }
    const entry = this.#byToken.get(tokenHash) ?? this.#add(new LiveSession(found.value), tokenHash);
    entry.expiresAt = this.#clock.monotonic() + found.value.expiresMs;
    return this.#answer(entry, session);
  }

  /** What the database says of it may have changed. */
  invalidate(session: string): void {
    const entry = this.#byId.get(session);
    if (!entry) return;
    entry.stale = true;
    entry.session.logWriters.clear();
  }

  /**
   * Sessions that asked something since the last time, or for which `isHeld` holds; the rest is forgotten, to be found
   * again when they come back.
   */
  takeSeen(isHeld: (session: string) => boolean): readonly string[] {
    const seen: string[] = [];
    for (const entry of this.#byId.values()) {
      const { session } = entry;
      if (session.seen || isHeld(session.id)) seen.push(session.id);
      else this.#drop(entry);
      session.seen = false;
    }
    return seen;
  }

  /** Their tokens last on. */
  extend(sessions: readonly string[], ms: number): void {
    const expiresAt = this.#clock.monotonic() + ms;
    for (const id of sessions) {
      const entry = this.#byId.get(id);
      if (entry) entry.expiresAt = expiresAt;
    }
  }

  #answer({ session }: Entry, id: string): ApiResult<LiveSession> {
    session.seen = true;
    if (session.id === id) return { ok: true, value: session };
    const message = 'the token belongs to another session';
    return { ok: false, error: { code: 'unauthorized', reason: 'token-unknown', message, detail: null } };
  }

  #add(session: LiveSession, tokenHash: string): Entry {
    const entry = { session, tokenHash, expiresAt: 0, stale: false };
    this.#byToken.set(tokenHash, entry);
    this.#byId.set(session.id, entry);
    return entry;
  }

  #drop({ session, tokenHash }: Entry): void {
    this.#byToken.delete(tokenHash);
    this.#byId.delete(session.id);
  }
}
