import { failure } from './api-failure.ts';
import type { Endpoint } from './endpoint.ts';
import { TokenBuckets } from './token-buckets.ts';
import type { Rate } from './token-buckets.ts';

const MB = 1024 * 1024;

/** For each token, or for each address where there is none. Far above what an agent or a person needs. */
const RATES = {
  poll: { perSecond: 20, burst: 100 },
  sync: { perSecond: 50, burst: 200 },
  people: { perSecond: 100, burst: 500 },
  open: { perSecond: 500, burst: 20_000 },
  /** Requests with log bytes, and accepts: as many as there are jobs. */
  log: { perSecond: 500, burst: 2_000 },
} as const satisfies Record<string, Rate>;
const LOG_BYTES: Rate = { perSecond: 32 * MB, burst: 128 * MB };
const REGISTRATIONS: Rate = { perSecond: 10, burst: 100 };

/** How often each token may ask. */
export class Limits {
  readonly #requests: Readonly<Record<keyof typeof RATES, TokenBuckets>>;
  readonly #logBytes: TokenBuckets;
  readonly #registrations: TokenBuckets;

  constructor(monotonic: () => number) {
    const buckets = (rate: Rate): TokenBuckets => new TokenBuckets(rate, monotonic);
    this.#requests = {
      poll: buckets(RATES.poll),
      sync: buckets(RATES.sync),
      people: buckets(RATES.people),
      open: buckets(RATES.open),
      log: buckets(RATES.log),
    };
    this.#logBytes = buckets(LOG_BYTES);
    this.#registrations = buckets(REGISTRATIONS);
  }

  /** Throws `rate-limited`. */
  demand({ access, priority = 'people' }: Endpoint, key: string, bodyBytes: number): void {
    const buckets = this.#requests[access.kind === 'open' ? 'open' : priority];
    let waitMs = buckets.take(key, 1);
    if (access.kind === 'registration') waitMs = Math.max(waitMs, this.#registrations.take(key, 1));
    if (priority === 'log' && bodyBytes > 0) waitMs = Math.max(waitMs, this.#logBytes.take(key, bodyBytes));
    if (waitMs > 0)
      throw failure('unavailable', 'rate-limited', `too many requests; try again in ${waitMs} ms`, {
        retryAfterMs: waitMs,
      });
  }
}
