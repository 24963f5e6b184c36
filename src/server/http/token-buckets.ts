/** How fast something may come: `burst` at once, then `perSecond`. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Buckets beyond this are looked through for full ones, which say nothing. */
const MAX_BUCKETS = 50_000;

/** One bucket for each key, filled by time. */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #monotonic: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAt = MAX_BUCKETS;

  constructor(rate: Rate, monotonic: () => number) {
    this.#rate = rate;
    this.#monotonic = monotonic;
  }

  /** 0, and the amount is taken; otherwise the milliseconds to wait, and nothing is. More than `burst` counts as it. */
  take(key: string, amount: number): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    if (!this.#buckets.has(key)) this.#add(key, bucket, now);
    const wanted = Math.min(amount, burst);
    if (bucket.tokens < wanted) return Math.ceil(((wanted - bucket.tokens) / perSecond) * 1000);
    bucket.tokens -= wanted;
    return 0;
  }

  #add(key: string, bucket: Bucket, now: number): void {
    if (this.#buckets.size >= this.#sweepAt) {
      const fullMs = (this.#rate.burst / this.#rate.perSecond) * 1000;
      for (const [other, { at }] of this.#buckets) if (now - at >= fullMs) this.#buckets.delete(other);
      this.#sweepAt = Math.max(MAX_BUCKETS, 2 * this.#buckets.size);
    }
    this.#buckets.set(key, bucket);
  }
}
