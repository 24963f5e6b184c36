import type { Clock } from '../../kernel/clock.ts';
import type { Offer } from '../../protocol/agent-api.ts';
import type { Store } from '../store.ts';
import { offeredLabels } from './label-set.ts';
import { OFFERS_AT_ONCE } from './limits.ts';
import type { LiveSession } from './live-session.ts';
import { RunnerClass } from './runner-class.ts';
import type { OfferedWork, WaitingClass } from './offer-work.ts';

export interface DispatcherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly onOffers: (session: string, offers: readonly Offer[]) => void;
  /** It may not have anything for now. */
  readonly onBarred: (session: string) => void;
}

/** After the database could not be asked. */
const RETRY_MS = 1_000;
/** Label sets whose labels are remembered: far more than are in use at a time. */
const MAX_KNOWN = 5_000;
/** When sessions that declined something are looked at again: their memory of it is short. */
const DECLINED_AGAIN_MS = 5_000;

/**
 * Brings sessions that wait and label sets that may have something together. Wakes that come while an operation is under
 * way share the next one. It knows which label sets may be worth a look; the operation decides.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #classes = new Map<string, RunnerClass>();
  readonly #waiting = new Map<string, RunnerClass>();
  /** Label sets that may have something. */
  readonly #dirty = new Set<number>();
  /** Label sets with something that those who waited have declined. */
  readonly #declined = new Set<number>();
  /** Label sets, when they are to be looked at again; monotonic. */
  readonly #later = new Map<number, number>();
  /** Labels of label sets that were in the queue. */
  readonly #known = new Map<number, readonly string[]>();
  #cancelTimer: () => void = nothing;
  #isRunning = false;
  #isClosed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** The session takes offers, up to `free`, until it is offered something or {@link leave}s. */
  wait(session: LiveSession, free: number): void {
    const runnerClass = this.#classOf(session);
    runnerClass.usedAt = this.#options.clock.monotonic();
    runnerClass.waiting.set(session.id, { session, free });
    this.#waiting.set(session.id, runnerClass);
    for (const id of this.#declined)
      if (runnerClass.labelSets.has(id)) {
        this.#declined.delete(id);
        this.#dirty.add(id);
      }
    this.#kick();
  }

  leave(session: string): void {
    this.#waiting.get(session)?.waiting.delete(session);
    this.#waiting.delete(session);
  }

  /** There may be something for those that satisfy it. */
  wake(labelSet: number): void {
    this.#dirty.add(labelSet);
    if (this.#known.has(labelSet)) this.#kick();
    else void this.recheck();
  }

  /** Looks at the whole queue anew: wakes of other servers may have been missed. */
  async recheck(): Promise<void> {
    const { store } = this.#options;
    const ready = await store.execute('ready-label-sets', {});
    if (!ready.ok) {
      this.#retryLater();
      return;
    }
    this.#forget();
    for (const { id, labels } of ready.value.labelSets) {
      if (!this.#known.has(id)) this.#learn(id, labels);
      this.#dirty.add(id);
    }
    this.#kick();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#waiting.clear();
    this.#classes.clear();
  }

  #classOf({ found: { labels, features, group } }: LiveSession): RunnerClass {
    const offered = offeredLabels(labels, features, group);
    const name = JSON.stringify([...offered].sort());
    const present = this.#classes.get(name);
    if (present) return present;
    const made = new RunnerClass(offered);
    for (const [id, labels] of this.#known) made.learn(id, labels);
    this.#classes.set(name, made);
    void this.recheck();
    return made;
  }

  #learn(id: number, labels: readonly string[]): void {
    this.#known.set(id, labels);
    for (const runnerClass of this.#classes.values()) runnerClass.learn(id, labels);
  }

  /**
   * What is of no use any more: labels may have a machine's or a run's name in them, and then there are new ones every
   * day. What is in the queue is learned again at once.
   */
  #forget(): void {
    const now = this.#options.clock.monotonic();
    for (const [name, runnerClass] of this.#classes) if (runnerClass.isIdle(now)) this.#classes.delete(name);
    if (this.#known.size > MAX_KNOWN) {
      this.#known.clear();
      for (const { labelSets } of this.#classes.values()) labelSets.clear();
    }
    const taken = [...this.#classes.values()].map(({ labelSets }) => labelSets);
    for (const ids of [this.#dirty, this.#declined])
      for (const id of ids) if (!taken.some((labelSets) => labelSets.has(id))) ids.delete(id);
  }

  #kick(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        // Everybody who began to wait in the same turn takes part.
        await Promise.resolve();
        const classes = this.#take();
        if (classes.length === 0 || !(await this.#offer(classes))) return;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** False: the database cannot be asked now. */
  async #offer(classes: readonly WaitingClass[]): Promise<boolean> {
    const asked = classes.flatMap(({ labelSets }) => labelSets);
    for (const id of asked) this.#dirty.delete(id);
    const result = await this.#options.store.execute('offer-work', { classes });
    if (result.ok) this.#handOut(result.value);
    else {
      for (const id of asked) this.#dirty.add(id);
      this.#retryLater();
    }
    return result.ok;
  }

  #take(): WaitingClass[] {
    const now = this.#options.clock.monotonic();
    let left = OFFERS_AT_ONCE;
    const classes: WaitingClass[] = [];
    for (const runnerClass of this.#classes.values()) {
      if (runnerClass.waiting.size === 0 || left === 0) continue;
      const labelSets = [...this.#dirty].filter((id) => runnerClass.labelSets.has(id));
      if (labelSets.length === 0) continue;
      const sessions = [];
      for (const { session, free } of runnerClass.waiting.values()) {
        if (left === 0) break;
        left--;
        sessions.push({ session: session.id, free, declined: session.declined(now) });
      }
      classes.push({ labelSets, sessions });
    }
    return classes;
  }

  #handOut({ offers, barred, left, later, declined }: OfferedWork): void {
    const bySession = new Map<string, Offer[]>();
    for (const { session, offer } of offers) bySession.set(session, [...(bySession.get(session) ?? []), offer]);
    for (const [session, own] of bySession) {
      this.leave(session);
      this.#options.onOffers(session, own);
    }
    for (const session of barred) {
      this.leave(session);
      this.#options.onBarred(session);
    }
    for (const id of left) this.#dirty.add(id);
    const now = this.#options.clock.monotonic();
    for (const { labelSet, ms } of later)
      this.#later.set(labelSet, Math.min(this.#later.get(labelSet) ?? Infinity, now + ms));
    for (const id of declined) {
      this.#declined.add(id);
      this.#later.set(id, Math.min(this.#later.get(id) ?? Infinity, now + DECLINED_AGAIN_MS));
    }
    this.#setTimer();
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    const at = this.#options.clock.monotonic() + RETRY_MS;
    for (const id of this.#dirty) this.#later.set(id, at);
    this.#setTimer();
  }

  /** One timer, for the label set whose time comes first. */
  #setTimer(): void {
    this.#cancelTimer();
    this.#cancelTimer = nothing;
    if (this.#later.size === 0 || this.#isClosed) return;
    const { clock } = this.#options;
    const next = Math.min(...this.#later.values());
    this.#cancelTimer = clock.after(Math.max(0, next - clock.monotonic()), () => {
      const now = clock.monotonic();
      for (const [id, at] of this.#later)
        if (at <= now) {
          this.#later.delete(id);
          this.#dirty.add(id);
        }
      this.#setTimer();
      this.#kick();
    });
  }
}

const nothing = (): void => undefined;
