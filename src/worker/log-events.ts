import type { Clock } from '../kernel/clock.ts';

/** An event has no more lines than fit into this much text, but for one line that is longer. */
const MAX_BATCH_CHARACTERS = 64 * 1024;
/** A line waits no longer than this for others to come along. */
const MAX_DELAY_MS = 100;

/** Lines of one step on their way into an event. */
interface Batch {
  readonly lines: string[];
  characters: number;
}

/** Collects the lines of the steps of a job, so that an event is not spent on each. */
export class LogEvents {
  readonly #clock: Clock;
  readonly #send: (step: number, lines: string[]) => void;
  readonly #batches = new Map<number, Batch>();
  #disarm: (() => void) | null = null;

  constructor(clock: Clock, send: (step: number, lines: string[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Whole lines; the buffer is not kept. */
  add(step: number, lines: Buffer): void {
    let batch = this.#batches.get(step);
    if (!batch) this.#batches.set(step, (batch = { lines: [], characters: 0 }));
    for (const line of lines.toString().split('\n').slice(0, -1)) {
      if (batch.characters > 0 && batch.characters + line.length > MAX_BATCH_CHARACTERS) this.#flushBatch(step, batch);
      batch.lines.push(line);
      batch.characters += line.length + 1;
    }
    this.#disarm ??= this.#clock.after(MAX_DELAY_MS, () => this.flush());
  }

  /** Everything, or everything of one step, is sent when this returns. */
  flush(step: number | null = null): void {
    for (const [number, batch] of this.#batches) {
      if (step !== null && number !== step) continue;
      this.#batches.delete(number);
      this.#flushBatch(number, batch);
    }
    if (this.#batches.size > 0) return;
    this.#disarm?.();
    this.#disarm = null;
  }

  #flushBatch(step: number, batch: Batch): void {
    if (batch.lines.length > 0) this.#send(step, batch.lines.splice(0));
    batch.characters = 0;
  }
}
