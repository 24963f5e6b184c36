import type { Worker } from 'node:worker_threads';
import { Semaphore } from 'async-mutex';
import type { Clock } from '../../kernel/clock.ts';
import type { LogHitPlace, LogStore } from '../log-store.ts';
import { type LineHit, LineSearch } from './line-search.ts';
import { SEARCH_LIMIT_MS, SEARCH_PAGE_BYTES, SEARCH_THREADS } from './limits.ts';
import { readLog, type ReadPorts } from './read-log.ts';
import type { FromSearchThread, ToSearchThread } from './search-thread.ts';

export interface SearchPorts extends ReadPorts {
  readonly clock: Clock;
  readonly searchThreadFile: string | null;
}

type Query = Parameters<LogStore['search']>[1];

/** Looks through the bytes of one log after the other; null when it was ended. */
interface Searcher {
  look(bytes: Uint8Array): Promise<readonly LineHit[] | null>;
  /** The end of a log. */
  next(): Promise<readonly LineHit[] | null>;
  close(): Promise<void>;
}

/** Searches in the logs of attempts, page by page. */
export class LogSearches {
  readonly #ports: SearchPorts;
  readonly #stop: AbortSignal;
  readonly #threads = new Semaphore(SEARCH_THREADS);
  readonly #exits = new Set<Promise<void>>();

  constructor(ports: SearchPorts, stop: AbortSignal) {
    this.#ports = ports;
    this.#stop = stop;
  }

  /**
   * Ends early, without a word, when `signal` is aborted.
   * @throws Error when it takes longer than `SEARCH_LIMIT_MS`; SyntaxError for a pattern that is none.
   */
  async *search(attempt: string, query: Query, signal: AbortSignal): AsyncGenerator<LogHitPlace> {
    const over = new AbortController();
    const end = (): void => over.abort();
    const signals = [signal, this.#stop];
    for (const one of signals) one.addEventListener('abort', end, { once: true });
    if (signals.some(({ aborted }) => aborted)) end();
    const late = new AbortController();
    const cancel = this.#ports.clock.after(SEARCH_LIMIT_MS, () => {
      late.abort();
      end();
    });
    try {
      yield* this.#find(attempt, query, over.signal);
      if (late.signal.aborted) throw new Error('The search took too long and was ended.');
    } finally {
      end();
      cancel();
      for (const one of signals) one.removeEventListener('abort', end);
    }
  }

  /** To be called when the stop signal is aborted. */
  async close(): Promise<void> {
    await Promise.all(this.#exits);
  }

  async *#find(attempt: string, query: Query, signal: AbortSignal): AsyncGenerator<LogHitPlace> {
    const { store, searchThreadFile } = this.#ports;
    const logs = await store.execute('list-logs', { attempt });
    if (!logs.ok) return;
    const steps = logs.value
      .filter(({ length, removedAt, step }) => length > 0 && removedAt === null && step === (query.step ?? step))
      .map(({ step }) => step);
    if (steps.length === 0 || signal.aborted) return;
    // A pattern may take for ever on one line; a text may not.
    const searcher = query.pattern ? await this.#inThread(query, searchThreadFile, signal) : hereFor(query);
    if (searcher === null) return;
    let left = query.limit;
    try {
      for (const step of steps)
        for await (const { line, text } of this.#hitsOf(attempt, step, searcher, signal)) {
          if (left-- <= 0) return;
          yield { step, line, text };
          if (left === 0) return;
        }
    } finally {
      await searcher.close();
    }
  }

  async *#hitsOf(attempt: string, step: number, searcher: Searcher, signal: AbortSignal): AsyncGenerator<LineHit> {
    for (let byte = 0; !signal.aborted;) {
      const slice = await readLog(this.#ports, attempt, step, { byte }, SEARCH_PAGE_BYTES);
      // What is damaged cannot be searched; what stands before it was.
      if (!slice.ok || slice.value.bytes.length === 0) break;
      const { bytes, offset } = slice.value;
      byte = offset + bytes.length;
      const hits = await searcher.look(bytes);
      if (hits === null) return;
      yield* hits;
    }
    if (!signal.aborted) yield* (await searcher.next()) ?? [];
  }

  /** Null: it was ended before its turn came. */
  async #inThread(query: Query, file: string | null, signal: AbortSignal): Promise<Searcher | null> {
    const { text, pattern } = query;
    // Here already, so that whoever asks gets the SyntaxError.
    new LineSearch({ text, pattern });
    if (file === null) throw new Error('This server does not search by patterns.');
    const { Worker: Thread } = await import('node:worker_threads');
    const turn = this.#threads.acquire();
    const ended = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
    if (signal.aborted || (await Promise.race([turn, ended])) === null) {
      void turn.then(([, giveUp]) => giveUp());
      return null;
    }
    const [, release] = await turn;
    const worker = new Thread(file, { workerData: { text, pattern }, name: 'search' });
    const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve())).finally(() => {
      release();
      this.#exits.delete(exit);
    });
    this.#exits.add(exit);
    return threadSearcher(worker, signal, exit);
  }
}

function hereFor({ text }: Query): Searcher {
  const query = { text, pattern: false };
  let search = new LineSearch(query);
  return {
    look: (bytes) => Promise.resolve(search.push(bytes)),
    next() {
      const hits = search.end();
      search = new LineSearch(query);
      return Promise.resolve(hits);
    },
    close: () => Promise.resolve(),
  };
}

/** Ends the thread when the signal is aborted, in the middle of a line if need be. */
function threadSearcher(worker: Worker, signal: AbortSignal, exit: Promise<void>): Searcher {
  let answer: (hits: FromSearchThread | null) => void = () => undefined;
  let ended = false;
  const end = (): void => void worker.terminate();
  worker.on('message', (hits: FromSearchThread) => answer(hits));
  // What else could go wrong in it would be a bug; the search then ends.
  worker.on('error', () => undefined);
  void exit.then(() => {
    ended = true;
    answer(null);
  });
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const ask = (message: ToSearchThread): Promise<readonly LineHit[] | null> =>
    new Promise((resolve) => {
      if (ended) {
        resolve(null);
        return;
      }
      answer = resolve;
      worker.postMessage(message);
    });
  return {
    look: (bytes) => ask({ kind: 'bytes', bytes }),
    next: () => ask({ kind: 'end' }),
    async close() {
      signal.removeEventListener('abort', end);
      end();
      await exit;
    },
  };
}
