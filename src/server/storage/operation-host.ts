import type { Kysely } from 'kysely';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../database.ts';
import type { Operation, WakeTopic } from '../operation.ts';
import type { ScopeSources } from './operation-scope.ts';
import { type BatchCommands, type BatchOptions, type Outcome, type Request, runBatch } from './run-batch.ts';
import { RunStateCache } from './run-state-cache.ts';
import {
  DB_COMMIT_SECONDS,
  DB_RETRIES_TOTAL,
  OPS_PER_COMMIT,
  type StoreMetric,
  type StoreNote,
} from './store-metric.ts';

/** Requests that wait at most: beyond it the database is too slow for what is asked, and more waiting helps nobody. */
const MAX_WAITING = 20_000;

/** Times an operation waits for others that do not make way, before its caller is told to come again. */
const MAX_TRIES = 5;

/** What a caller is told to wait while the database cannot be reached. */
const RETRY_AFTER_MS = 2_000;

/** Some connections that transactions of one kind are run on. */
export interface LaneGroup {
  readonly db: Kysely<Database>;
  /** Transactions at a time. */
  readonly lanes: number;
  /** Operations in one of them at most. */
  readonly maxBatch: number;
  readonly commands: BatchCommands;
}

export interface HostOptions {
  readonly writes: LaneGroup;
  /** Null where reads take their turn among the writes. */
  readonly reads: LaneGroup | null;
  readonly sources: ScopeSources;
  readonly clock: Clock;
  /** Waits for what is asked for at the same time; a batch has all of it. `before`: how many the last one had. */
  readonly gather: (before: number) => Promise<void>;
  readonly onTopics: (topics: readonly WakeTopic[]) => void;
  readonly onMetric: (metric: StoreMetric) => void;
  readonly onNote: (note: StoreNote) => void;
  readonly onCommit: (moment: 'before' | 'after') => void;
  readonly onBug: (name: string, error: unknown) => void;
  /** False when the database cannot be reached, true when it can again. */
  readonly onReachable: (reachable: boolean, message: string) => void;
}

interface Waiting {
  request: Request;
  readonly answer: (result: ApiResult<unknown>) => void;
}

/** Runs operations on a database: what comes while a commit is under way shares the next one. */
export class OperationHost {
  readonly #options: HostOptions;
  readonly #cache = new RunStateCache();
  readonly #writes: Queue;
  readonly #reads: Queue;
  #reachable = true;
  #closing: Promise<void> | null = null;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#writes = this.#queue(options.writes);
    this.#reads = options.reads === null ? this.#writes : this.#queue(options.reads);
  }

  /** Answers after the commit that holds it. Never throws. */
  execute(
    name: string,
    operation: Operation<never, unknown>,
    input: unknown,
    reads: boolean,
  ): Promise<ApiResult<unknown>> {
    const queue = reads ? this.#reads : this.#writes;
    if (this.#closing !== null) return Promise.resolve(unavailable('The server is stopping.'));
    if (queue.waiting >= MAX_WAITING)
      return Promise.resolve(unavailable('The database is too slow for what is asked.'));
    return new Promise((answer) => {
      // Inputs are as the operation's own types say; they are lost on the way through a table of operations.
      queue.add({ request: { name, operation: operation as Operation<unknown, unknown>, input, tries: 0 }, answer });
    });
  }

  /** Resolves when everything that was asked for is answered. Any number of times. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#writes.idle(), this.#reads.idle()]).then(() => undefined);
    return this.#closing;
  }

  #queue(group: LaneGroup): Queue {
    const { sources, onCommit, onBug } = this.#options;
    const batch: BatchOptions = { commands: group.commands, sources, cache: this.#cache, onCommit, onBug };
    return new Queue(group, this.#options.gather, (waiting) => this.#run(group.db, waiting, batch));
  }

  /** Those to be run again. */
  async #run(db: Kysely<Database>, batch: readonly Waiting[], options: BatchOptions): Promise<readonly Waiting[]> {
    const { clock, onMetric, onTopics } = this.#options;
    const began = clock.monotonic();
    const requests = batch.map(({ request }) => request);
    const { outcomes, topics } = await runBatch(db, requests, options);
    onMetric(observed(DB_COMMIT_SECONDS, (clock.monotonic() - began) / 1_000));
    onMetric(observed(OPS_PER_COMMIT, batch.length));
    const again: Waiting[] = [];
    for (const [index, waiting] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) continue;
      const tries = waiting.request.tries + (outcome.kind === 'again' && outcome.first ? 1 : 0);
      if (outcome.kind === 'again' && tries < MAX_TRIES) {
        onMetric({ kind: 'count', name: DB_RETRIES_TOTAL, labels: {}, value: 1 });
        again.push({ ...waiting, request: { ...waiting.request, tries } });
      } else this.#answer(waiting, outcome);
    }
    if (topics.length > 0) onTopics(topics);
    // The first of them comes first in the next transaction, in which it may wait; so each has its turn.
    return again;
  }

  #answer({ answer }: Waiting, outcome: Outcome): void {
    if (outcome.kind !== 'answer') {
      const message = outcome.kind === 'lost' ? outcome.message : 'others were in the way again and again';
      if (outcome.kind === 'lost') this.#tellReachable(false, message);
      answer(unavailable(`The database cannot be used: ${message}.`));
      return;
    }
    this.#tellReachable(true, '');
    for (const metric of outcome.counted) this.#options.onMetric(metric);
    for (const note of outcome.notes) this.#options.onNote(note);
    answer(outcome.result);
  }

  #tellReachable(reachable: boolean, message: string): void {
    if (reachable === this.#reachable) return;
    this.#reachable = reachable;
    this.#options.onReachable(reachable, message);
  }
}

/** Requests in the order in which they came, and lanes that take some of them at a time. */
class Queue {
  readonly #limits: Pick<LaneGroup, 'lanes' | 'maxBatch'>;
  readonly #gather: (before: number) => Promise<void>;
  readonly #run: (batch: readonly Waiting[]) => Promise<readonly Waiting[]>;
  #requests: Waiting[] = [];
  #busy = 0;
  /** Requests in the last batch. */
  #before = 0;
  #idle: (() => void)[] = [];

  constructor(
    limits: Pick<LaneGroup, 'lanes' | 'maxBatch'>,
    gather: (before: number) => Promise<void>,
    run: (batch: readonly Waiting[]) => Promise<readonly Waiting[]>,
  ) {
    this.#limits = limits;
    this.#gather = gather;
    this.#run = run;
  }

  get waiting(): number {
    return this.#requests.length;
  }

  add(waiting: Waiting): void {
    this.#requests.push(waiting);
    this.#start();
  }

  idle(): Promise<void> {
    if (this.#busy === 0 && this.#requests.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  #start(): void {
    if (this.#busy >= this.#limits.lanes) return;
    this.#busy += 1;
    void this.#lane();
  }

  async #lane(): Promise<void> {
    await this.#gather(this.#before);
    while (this.#requests.length > 0) {
      const batch = this.#requests.splice(0, this.#limits.maxBatch);
      this.#before = batch.length;
      if (this.#requests.length > 0) this.#start();
      const again = await this.#run(batch);
      this.#requests.unshift(...again);
      if (this.#requests.length > 0) await this.#gather(batch.length);
    }
    this.#busy -= 1;
    if (this.#busy > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function observed(name: string, value: number): StoreMetric {
  return { kind: 'observe', name, labels: {}, value };
}

function unavailable(message: string): ApiResult<never> {
  return {
    ok: false,
    error: { code: 'unavailable', reason: 'database', message, detail: { retryAfterMs: RETRY_AFTER_MS } },
  };
}
