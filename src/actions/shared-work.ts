import { AbortScope, causeOf } from '../kernel/cancellation.ts';

interface Entry<T> {
  readonly scope: AbortScope;
  readonly result: Promise<T>;
  waiting: number;
}

/** Work that several callers may ask for at once: done once per key, and given up when the last caller has gone. */
export class SharedWork<T> {
  readonly #entries = new Map<string, Entry<T>>();

  /** Rejects with the signal's reason when this caller was cancelled; the others go on waiting. */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const entry = this.#entries.get(key) ?? this.#begin(key, work);
    entry.waiting++;
    let leave: () => void = () => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([entry.result, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      entry.waiting--;
      if (entry.waiting === 0) this.#giveUp(key, entry, signal);
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Entry<T> {
    const scope = new AbortScope();
    const entry: Entry<T> = { scope, result: work(scope.signal), waiting: 0 };
    this.#entries.set(key, entry);
    // Nobody may be left to hear how it ends.
    entry.result.catch(() => undefined);
    return entry;
  }

  #giveUp(key: string, entry: Entry<T>, signal: AbortSignal): void {
    // Who comes next starts anew instead of getting the end of what was given up.
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    if (signal.aborted) entry.scope.cancel(causeOf(signal));
  }
}
