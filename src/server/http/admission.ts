import { failure } from './api-failure.ts';

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

/** Says no before there is too much to do at once. */
export class Admission {
  #atWork = 0;
  #bytes = 0;

  /** Counts the request, until the returned function is called, any number of times. Throws `unavailable`. */
  enter(priority: Priority, bodyBytes: number): () => void {
    if (this.#atWork >= MAX_AT_WORK[priority] || (this.#bytes > 0 && this.#bytes + bodyBytes > MAX_BODY_BYTES))
      throw failure('unavailable', null, 'the server has too much to do at once; try again', {
        retryAfterMs: RETRY_MS,
      });
    this.#atWork += 1;
    this.#bytes += bodyBytes;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#atWork -= 1;
      this.#bytes -= bodyBytes;
    };
  }
}
