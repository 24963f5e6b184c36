import { failure } from './api-failure.ts';
import type { ApiFailure } from './api-failure.ts';

/**
 * What a request is for, in the order in which an overloaded server goes without: an agent that polls later starts a job
 * later; one that syncs later still has its lease; log bytes and results are what must not be lost.
 */
export type Priority = 'poll' | 'sync' | 'people' | 'log';

/** Requests at work, held ones not counted, from which on those of a priority are told to come back. */
const MAX_AT_WORK: Readonly<Record<Priority, number>> = { poll: 2_000, sync: 8_000, people: 10_000, log: 12_000 };
/** Bytes of bodies in memory. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const RETRY_MS = 1_000;

/** What one request has of a body in memory. */
export interface BodyRoom {
  /** False: there is no room for so many more, see {@link tooMuchToDo}. */
  take(bytes: number): boolean;
  /** Gives all of it back; any number of times. */
  free(): void;
}

/** Says no before there is too much to do at once. */
export class Admission {
  #atWork = 0;
  #bytes = 0;

  /** Counts the request, until the returned function is called, any number of times. Throws `unavailable`. */
  enter(priority: Priority): () => void {
    if (this.#atWork >= MAX_AT_WORK[priority]) throw tooMuchToDo();
    this.#atWork += 1;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#atWork -= 1;
    };
  }

  /** Counted as it comes, not as it is announced: who announces much and sends little takes nothing from others. */
  body(): BodyRoom {
    let own = 0;
    return {
      take: (bytes) => {
        if (this.#bytes > 0 && this.#bytes + bytes > MAX_BODY_BYTES) return false;
        own += bytes;
        this.#bytes += bytes;
        return true;
      },
      free: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}

export function tooMuchToDo(): ApiFailure {
  return failure('unavailable', null, 'the server has too much to do at once; try again', { retryAfterMs: RETRY_MS });
}
