import type { Clock } from '../../kernel/clock.ts';
import type { WakeTopic } from '../operation.ts';
import type { Store } from '../store.ts';

/** Lets many requests wait for topics over one subscription of the store. */
export class Wakeups {
  readonly #waiting = new Map<WakeTopic, Set<() => void>>();
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;

  constructor(store: Pick<Store, 'subscribe'>, clock: Clock) {
    this.#clock = clock;
    this.#unsubscribe = store.subscribe((topics) => {
      for (const topic of topics) for (const wake of this.#waiting.get(topic) ?? []) wake();
    });
  }

  /**
   * To be watched from before the first look until `close`: nothing that happens in between is missed. `next` resolves
   * at a wake since the last `next` or when the signal is aborted (true), or after `ms` (false).
   */
  watch(topics: readonly WakeTopic[], signal: AbortSignal): Watch {
    let woken = false;
    let resume: (() => void) | null = null;
    const wake = (): void => {
      woken = true;
      resume?.();
    };
    for (const topic of topics) {
      const set = this.#waiting.get(topic) ?? new Set();
      this.#waiting.set(topic, set.add(wake));
    }
    signal.addEventListener('abort', wake, { once: true });
    return {
      next: (ms) =>
        new Promise((resolve) => {
          const done = (byWake: boolean): void => {
            resume = null;
            woken = false;
            resolve(byWake);
          };
          if (woken || signal.aborted) {
            done(true);
            return;
          }
          const cancel = this.#clock.after(ms, () => done(false));
          resume = () => {
            cancel();
            done(true);
          };
        }),
      close: () => {
        signal.removeEventListener('abort', wake);
        resume?.();
        for (const topic of topics) {
          const set = this.#waiting.get(topic);
          set?.delete(wake);
          if (set?.size === 0) this.#waiting.delete(topic);
        }
      },
    };
  }

  close(): void {
    this.#unsubscribe();
  }
}

export interface Watch {
  next(ms: number): Promise<boolean>;
  close(): void;
}
