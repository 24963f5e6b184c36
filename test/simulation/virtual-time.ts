import type { Clock } from '../../src/kernel/clock.ts';

interface Timer {
  readonly due: number;
  /** Timers due at the same time are called in the order in which they were set. */
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/**
 * The time of a simulated world: it stands still while anybody has something to do and jumps to the next timer then.
 * Everything in it waits for promises and these timers only, so the same seed gives the same history.
 */
export class VirtualTime {
  readonly #heap: Timer[] = [];
  #elapsed = 0;
  #order = 0;
  #outside = 0;

  /** Milliseconds since the world began. */
  get elapsed(): number {
    return this.#elapsed;
  }

  /** A machine's clock. `offsetMs` is how far its wall clock is off; timers and durations run at the world's pace. */
  clock(offsetMs: () => number = () => 0): Clock {
    return {
      now: () => EPOCH + Math.floor(this.#elapsed) + offsetMs(),
      monotonic: () => this.#elapsed,
      after: (ms, callback) => this.after(ms, callback),
    };
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { due: this.#elapsed + Math.max(ms, 0), order: this.#order++, callback, cancelled: false };
    this.#push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Waits for something that comes from the real world, such as a file: no virtual time goes by meanwhile. */
  async outside<T>(asked: Promise<T>): Promise<T> {
    this.#outside++;
    try {
      return await asked;
    } finally {
      this.#outside--;
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Goes on until `done` holds or the time has come; false in the latter case. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      do await settled();
      while (this.#outside > 0);
      if (done()) return true;
      const next = this.#pop();
      if (next === null || next.due > untilMs) {
        if (next !== null) this.#push(next);
        this.#elapsed = Math.max(this.#elapsed, untilMs);
        return false;
      }
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.callback();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      const last = this.#heap.pop()!;
      if (this.#heap.length > 0) this.#sink(last);
      if (!first.cancelled) return first;
    }
  }

  #sink(timer: Timer): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, timer)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}

const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');

function isBefore(one: Timer, other: Timer): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order);
}

/** Lets everything run that waits for promises only. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
