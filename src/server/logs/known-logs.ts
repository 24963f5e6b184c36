import { createHash, type Hash } from 'node:crypto';
import { Mutex } from 'async-mutex';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Store } from '../store.ts';
import type { StoredLog } from './find-log.ts';
import { MAX_ATTEMPTS } from './limits.ts';

/** What this server knows of a log: as the database had it, and what was appended since. */
export interface KnownLog {
  /** Held by whoever appends. */
  readonly mutex: Mutex;
  length: number;
  lines: number;
  openLine: boolean;
  sealedLength: number | null;
  sealedHash: string | null;
  /** The server takes no more of it. */
  full: boolean;
  removedAt: number | null;
  /** Of all bytes so far; null where this server has not seen them all. */
  hash: Hash | null;
  /** It was sent again because its hash was wrong. */
  resent: boolean;
}

interface KnownAttempt {
  readonly logs: Map<number, KnownLog>;
  /** Calls that hold one of its logs. */
  users: number;
}

/** The logs of the attempts that were appended to last, so that most appends ask the database nothing before they write. */
export class KnownLogs {
  readonly #store: Store;
  readonly #attempts = new Map<string, KnownAttempt>();
  readonly #loading = new Map<string, Promise<ApiResult<readonly StoredLog[]>>>();
  /** Logs whose hash was compared while they came; the next seal check writes it down. */
  verdicts: { readonly attempt: string; readonly step: number; readonly matches: boolean }[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  /** A log, for as long as `use` works on it. */
  async use<T>(attempt: string, step: number, use: (log: KnownLog) => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
    let known = this.#attempts.get(attempt);
    if (!known) {
      const loaded = await this.#load(attempt);
      if (!loaded.ok) return loaded;
      known = this.#attempts.get(attempt) ?? this.#add(attempt, loaded.value);
    }
    // The most recently used is the last.
    this.#attempts.delete(attempt);
    this.#attempts.set(attempt, known);
    known.users += 1;
    try {
      let log = known.logs.get(step);
      if (!log) known.logs.set(step, (log = newLog()));
      const found = log;
      return await found.mutex.runExclusive(() => use(found));
    } finally {
      known.users -= 1;
      this.#forgetOld();
    }
  }

  /** Reads one again; for whoever holds it. */
  async reload(attempt: string, step: number, log: KnownLog): Promise<ApiResult<null>> {
    const loaded = await this.#load(attempt);
    if (!loaded.ok) return loaded;
    const stored = loaded.value.find((one) => one.step === step);
    Object.assign(log, stored ? stateOf(stored) : stateOf(NOTHING));
    return { ok: true, value: null };
  }

  /** A look at a log, whoever holds it; null when it is not known here. */
  peek(attempt: string, step: number): KnownLog | null {
    return this.#attempts.get(attempt)?.logs.get(step) ?? null;
  }

  /** Of all logs of an attempt. */
  bytesOf(attempt: string): number {
    let bytes = 0;
    for (const { length } of this.#attempts.get(attempt)?.logs.values() ?? []) bytes += length;
    return bytes;
  }

  #add(attempt: string, logs: readonly StoredLog[]): KnownAttempt {
    const known = { logs: new Map(logs.map((log) => [log.step, { ...newLog(), ...stateOf(log) }])), users: 0 };
    this.#attempts.set(attempt, known);
    return known;
  }

  /** One question for all who ask at the same time. */
  async #load(attempt: string): Promise<ApiResult<readonly StoredLog[]>> {
    let loading = this.#loading.get(attempt);
    if (!loading) {
      loading = this.#store.execute('list-logs', { attempt });
      this.#loading.set(attempt, loading);
      void loading.finally(() => this.#loading.delete(attempt));
    }
    return await loading;
  }

  #forgetOld(): void {
    if (this.#attempts.size <= MAX_ATTEMPTS) return;
    for (const [attempt, { users }] of this.#attempts) {
      if (this.#attempts.size <= MAX_ATTEMPTS) return;
      if (users === 0) this.#attempts.delete(attempt);
    }
  }
}

const NOTHING = {
  length: 0,
  lines: 0,
  openLine: false,
  sealedLength: null,
  sealedHash: null,
  cut: null,
  removedAt: null,
};

function newLog(): KnownLog {
  return { ...stateOf(NOTHING), mutex: new Mutex(), resent: false };
}

/** The limit is looked at again: it may have been raised. */
function stateOf(log: Omit<StoredLog, 'step'>): Omit<KnownLog, 'mutex' | 'resent'> {
  const { length, lines, openLine, sealedLength, sealedHash, removedAt } = log;
  const hash = length === 0 ? createHash('sha256') : null;
  return { length, lines, openLine, sealedLength, sealedHash, removedAt, full: false, hash };
}
