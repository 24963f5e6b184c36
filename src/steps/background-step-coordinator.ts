import { Semaphore } from 'async-mutex';
import type { CancelCause } from '../kernel/cancellation.ts';
import { transition, type BackgroundStepEvent, type BackgroundStepState } from './background-step-state.ts';
import { endInQueue, type StepEnd } from './step-end.ts';
import { StepStop } from './step-stop.ts';

/** One background step, as the coordinator sees it. The callbacks are called synchronously and must not throw. */
export interface BackgroundStep {
  readonly id: string;
  readonly name: string;
  readonly number: number;
  /** When it was reached; milliseconds since the epoch. */
  readonly reachedAt: number;
  /**
   * Runs it in its slot, to its end. Never rejects, and settles within the grace once `stop` was asked. `ahead`: how many
   * steps were queued before it when it was; null if it never had to wait.
   */
  readonly execute: (stop: StepStop, ahead: number | null) => Promise<StepEnd>;
  /** It was asked to end while it ran. */
  readonly stopping: () => void;
  /** It has ended, however; called exactly once. */
  readonly ended: (end: StepEnd) => void;
  /** For people who wait: when it got its slot, and the last line it wrote. */
  readonly progress: () => { readonly startedAt: number | null; readonly lastLine: string | null };
}

/** What a barrier finds under an id that it names. */
export type BarrierTarget =
  | { readonly kind: 'unknown'; readonly id: string }
  | { readonly kind: 'skipped'; readonly id: string; readonly name: string }
  | {
      readonly kind: 'ended';
      readonly id: string;
      readonly name: string;
      readonly number: number;
      readonly end: StepEnd;
      /** No barrier took it before: its effects are to be committed now. */
      readonly first: boolean;
    };

/** A target that has not ended yet. */
export interface OutstandingStep {
  readonly step: BackgroundStep;
  readonly state: 'queued' | 'running' | 'cancelling';
  /** Queued steps that get a slot before it; 0 unless it is queued itself. */
  readonly ahead: number;
}

interface Entry {
  readonly step: BackgroundStep;
  readonly stop: StepStop;
  readonly done: Promise<void>;
  readonly markDone: () => void;
  state: BackgroundStepState;
  /** A `wait` has answered for its failure: by failing, or by its `continue-on-error`. */
  accounted: boolean;
}

/**
 * The background steps of one job: who runs, who queues for a slot, who was asked to end, who has ended. It changes no
 * job state: it hands each barrier what to commit, in the order of the barrier. Ids are compared without case, so that
 * a barrier never waits for nothing because of spelling.
 */
export class BackgroundStepCoordinator {
  readonly #slots: Semaphore;
  readonly #kill: AbortSignal;
  /** In declaration order. */
  readonly #entries = new Map<string, Entry>();
  readonly #skipped = new Map<string, string>();

  /** @param kill Ends everything at once when aborted. */
  constructor(slots: number, kill: AbortSignal) {
    this.#slots = new Semaphore(slots);
    this.#kill = kill;
  }

  /** Queues a step; it starts when a slot is free, first come first served. */
  start(step: BackgroundStep): void {
    const entry = this.#enter(step);
    const onStop = (): void => {
      if (entry.state.kind === 'queued') this.#end(entry, endInQueue(entry.stop.cause));
      else if (entry.state.kind === 'running') {
        change(entry, { kind: 'stop', cause: entry.stop.cause ?? 'shutdown' });
        step.stopping();
      }
    };
    if (entry.stop.signal.aborted) onStop();
    else entry.stop.signal.addEventListener('abort', onStop, { once: true });
    void this.#occupy(entry);
  }

  /** Takes in a step that ended without ever queueing: its conditions could not be evaluated, or the job is cancelled. */
  adopt(step: BackgroundStep, end: StepEnd): void {
    this.#end(this.#enter(step), end);
  }

  /** A step whose condition was false: known, but nothing to wait for. */
  skip(id: string, name: string): void {
    this.#skipped.set(id.toLowerCase(), name);
  }

  /** Asks one step to end: a queued one has ended then, a running one walks its ladder, any other is left alone. */
  cancel(id: string): void {
    for (const { step, stop } of this.#living) if (step.id.toLowerCase() === id.toLowerCase()) stop.ask('cancel-step');
  }

  /** Asks every step to end that has not ended. */
  cancelAll(cause: CancelCause): void {
    for (const { stop } of this.#living) stop.ask(cause);
  }

  /** Waits until all of these have ended and hands them over, in the order of the list, each id once. */
  async take(ids: readonly string[]): Promise<readonly BarrierTarget[]> {
    const keys = [...new Map(ids.map((id) => [id.toLowerCase(), id]))];
    await Promise.all(keys.map(([key]) => this.#entries.get(key)?.done ?? Promise.resolve()));
    return keys.map(([key, id]) => this.#hand(key, id));
  }

  /** Ids that no barrier took yet, in declaration order: what `wait-all` waits for. */
  get untaken(): readonly string[] {
    return [...this.#entries.values()].filter(({ state }) => state.kind !== 'committed').map(({ step }) => step.id);
  }

  /** Which of these have not ended. */
  outstanding(ids: readonly string[]): readonly OutstandingStep[] {
    const queued = this.#queued;
    const wanted = new Set(ids.map((id) => id.toLowerCase()));
    return [...this.#entries.values()].flatMap((entry) => {
      const { kind } = entry.state;
      if (!wanted.has(entry.step.id.toLowerCase()) || kind === 'settled' || kind === 'committed') return [];
      return { step: entry.step, state: kind, ahead: Math.max(0, queued.indexOf(entry)) };
    });
  }

  /** The name to show for an id; the id itself when no such step was reached. */
  nameOf(id: string): string {
    const key = id.toLowerCase();
    return this.#entries.get(key)?.step.name ?? this.#skipped.get(key) ?? id;
  }

  /** A barrier answers for the failures of these: they do not count again when the job ends. */
  account(ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id.toLowerCase());
      if (entry) entry.accounted = true;
    }
  }

  /** How the steps ended that no barrier answered for: failed ones that only a `cancel` or the safety net took. */
  get unaccounted(): readonly StepEnd[] {
    return [...this.#entries.values()].flatMap(({ accounted, state }) =>
      !accounted && (state.kind === 'settled' || state.kind === 'committed') ? [state.end] : [],
    );
  }

  get #living(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ state }) => state.kind !== 'settled' && state.kind !== 'committed');
  }

  get #queued(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ state }) => state.kind === 'queued');
  }

  #enter(step: BackgroundStep): Entry {
    let markDone = (): void => undefined;
    const done = new Promise<void>((resolve) => (markDone = resolve));
    const entry: Entry = {
      step,
      stop: new StepStop(null, this.#kill),
      done,
      markDone,
      state: { kind: 'queued' },
      accounted: false,
    };
    this.#entries.set(step.id.toLowerCase(), entry);
    return entry;
  }

  /** A waiter of the semaphore cannot be withdrawn: one that was cancelled gives its slot back when it comes. */
  async #occupy(entry: Entry): Promise<void> {
    const ahead = this.#slots.isLocked() ? this.#queued.indexOf(entry) : null;
    const [, release] = await this.#slots.acquire();
    try {
      if (entry.state.kind !== 'queued') return;
      change(entry, { kind: 'slot' });
      this.#end(entry, await entry.step.execute(entry.stop, ahead));
    } finally {
      release();
    }
  }

  #end(entry: Entry, end: StepEnd): void {
    change(entry, { kind: 'ended', end });
    entry.stop.dispose();
    entry.markDone();
    entry.step.ended(end);
  }

  #hand(key: string, id: string): BarrierTarget {
    const entry = this.#entries.get(key);
    if (!entry) {
      const name = this.#skipped.get(key);
      return name === undefined ? { kind: 'unknown', id } : { kind: 'skipped', id, name };
    }
    const first = entry.state.kind === 'settled';
    if (first) change(entry, { kind: 'barrier' });
    if (entry.state.kind !== 'committed') throw new Error(`the step '${id}' was taken before it had ended`);
    const { name, number } = entry.step;
    return { kind: 'ended', id: entry.step.id, name, number, end: entry.state.end, first };
  }
}

function change(entry: Entry, event: BackgroundStepEvent): void {
  entry.state = transition(entry.state, event);
}
