import type { HeldAttempt } from './held-attempt.ts';

/** The attempts that an agent has on its disk, and the slots. */
export class AttemptTable {
  readonly #slots: number;
  readonly #taken = new Set<number>();
  readonly #open = new Set<HeldAttempt>();
  /** There may be thousands of them; nothing is to be done for them but to keep them. */
  readonly #over = new Set<HeldAttempt>();

  constructor(slots: number) {
    this.#slots = slots;
  }

  get freeSlots(): number {
    return Math.max(0, this.#slots - this.#taken.size);
  }

  get busySlots(): number {
    return this.#taken.size;
  }

  /** The lowest that is free; null when none is. */
  takeSlot(): number | null {
    if (this.freeSlots === 0) return null;
    let slot = 0;
    while (this.#taken.has(slot)) slot++;
    this.#taken.add(slot);
    return slot;
  }

  /** One that a job has since before this agent was started. */
  keepSlot(slot: number): void {
    this.#taken.add(slot);
  }

  freeSlot(slot: number): void {
    this.#taken.delete(slot);
  }

  /** A new one, or one whose phase has made it over, or not over any more. */
  put(attempt: HeldAttempt): void {
    this.remove(attempt);
    (attempt.isOver ? this.#over : this.#open).add(attempt);
  }

  remove(attempt: HeldAttempt): void {
    this.#open.delete(attempt);
    this.#over.delete(attempt);
  }

  get all(): readonly HeldAttempt[] {
    return [...this.#over, ...this.#open];
  }

  /** Those the server still has to hear of: neither `done` nor `ended`. */
  get open(): readonly HeldAttempt[] {
    return [...this.#open];
  }

  /** The one that is not over; of several fences the newest. */
  find(attempt: string): HeldAttempt | null {
    const found = this.open.filter(({ id }) => id === attempt);
    return found.sort((a, b) => b.fence - a.fence)[0] ?? null;
  }
}
