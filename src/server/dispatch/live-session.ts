import type { ApiResult } from '../../protocol/api-error.ts';
import type { FoundSession } from './find-session.ts';

/** A session as one server knows it: what the database says, and what this server told it. Times are monotonic. */
export class LiveSession {
  readonly id: string;
  readonly found: FoundSession;
  /** Attempts whose logs it may append to, with the fence and the time up to which that need not be asked again. */
  readonly logWriters = new Map<
    string,
    { readonly fence: number; readonly until: number; readonly allowed: Promise<ApiResult<unknown>> }
  >();
  /** Attempts whose forced end it was told of. */
  readonly toldForced = new Set<string>();
  /** What it was last told that it may still be busy with, and when: not to be said again at once. */
  told: { readonly text: string; readonly at: number } | null = null;
  toldPaused = false;
  /** Asked something since the sessions were last touched. */
  seen = true;
  readonly #declined = new Map<string, number>();

  constructor(found: FoundSession) {
    this.id = found.session;
    this.found = found;
  }

  /** Is not to be offered to it before `until`. */
  decline(attempt: string, until: number): void {
    this.#declined.set(attempt, until);
  }

  declined(now: number): readonly string[] {
    for (const [attempt, until] of this.#declined) if (until <= now) this.#declined.delete(attempt);
    return [...this.#declined.keys()];
  }
}
