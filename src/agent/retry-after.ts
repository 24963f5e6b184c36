import type { ApiError } from '../protocol/api-error.ts';

/** Longest time that a server's wish is followed: an agent that sleeps for a day looks dead. */
const LONGEST_MS = 300_000;

/** What the server asked for, milliseconds; 0 where it did not. */
export function retryAfter({ detail }: ApiError): number {
  const wished = detail?.['retryAfterMs'];
  return typeof wished === 'number' && wished > 0 ? Math.min(wished, LONGEST_MS) : 0;
}
