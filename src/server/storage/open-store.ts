import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../kernel/clock.ts';
import { Pulse } from '../../kernel/pulse.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { ServerSettings, WakeTopic } from '../operation.ts';
import type { Store } from '../store.ts';
import type { StoreMetric, StoreNote } from './store-metric.ts';
import type { FromThread, ThreadData, Told, ToThread } from './thread-messages.ts';

export interface ThreadedStoreOptions {
  /** `:memory:`, a path, or `postgres://…`. */
  readonly database: string;
  /** The file that the thread is started with: `store-thread.ts`, bundled. */
  readonly threadFile: string;
  readonly node: string;
  readonly settings: ServerSettings;
  readonly clock: Clock;
  readonly onMetric: (metric: StoreMetric) => void;
  /** What operations have to say, for the diagnostic log; null: nobody reads it. */
  readonly onNote?: ((note: StoreNote) => void) | null;
  /** For the diagnostic log. */
  readonly onTrouble: (message: string) => void;
  readonly failpoint?: string | null;
}

/** A thread that crashed is started again after this, and twice as long each time it does not come up. */
const RESTART_MS = 500;
const MAX_RESTART_MS = 30_000;

/** What is asked for is committed by then, or never will be. */
const CLOSE_MS = 15_000;

/**
 * The store of a server: operations run in a thread of their own, so that neither the disk nor a long question holds up
 * who listens on the network. A thread that crashes answers `unavailable` to those who wait, and is started again.
 * @throws an error named `DatabaseOpenError` for a database that cannot be used now, `NewerSchemaError` for one of a newer
 *   Paceline; its message is for whoever starts the server.
 */
export async function openStore(options: ThreadedStoreOptions): Promise<Store> {
  const store = new ThreadedStore(options);
  await store.open();
  return store;
}

type Answer = (result: ApiResult<never>) => void;

class ThreadedStore implements Store {
  readonly #options: ThreadedStoreOptions;
  readonly #waiting = new Map<number, Answer>();
  readonly #listeners = new Set<(topics: readonly WakeTopic[]) => void>();
  readonly #changed = new Pulse();
  #requests: { id: number; name: string; input: unknown }[] = [];
  #ids = 0;
  /** Null while there is none that can be asked. */
  #worker: Worker | null = null;
  #restartMs = RESTART_MS;
  #cancelRestart: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: ThreadedStoreOptions) {
    this.#options = options;
  }

  /** Starts the thread; resolves when its database is open. */
  async open(): Promise<void> {
    const { Worker: Thread } = await import('node:worker_threads');
    const { database, node, settings, failpoint = null, threadFile } = this.#options;
    const notes = this.#options.onNote != null;
    const workerData: ThreadData = { database, node, settings, failpoint, notes };
    const worker = new Thread(threadFile, { workerData, name: 'store' });
    await new Promise<void>((resolve, reject) => {
      let crash = new Error('the thread of the store ended');
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'told') this.#hear(message);
        else if (message.kind === 'failed') {
          const { name, message: text } = message.error;
          // Errors lose their class on the way; their name says what they are.
          crash = Object.assign(new Error(text), { name });
        } else {
          this.#worker = worker;
          this.#restartMs = RESTART_MS;
          resolve();
        }
      });
      worker.on('error', (error) => {
        crash = error instanceof Error ? error : new Error(String(error));
      });
      worker.once('exit', () => {
        reject(crash);
        if (this.#worker === worker) this.#lose(crash);
      });
    });
  }

  execute(name: string, input: unknown): Promise<ApiResult<never>> {
    if (this.#closing !== null) return Promise.resolve(unavailable('The server is stopping.'));
    if (this.#worker === null) return Promise.resolve(unavailable('The store is being started again.'));
    return new Promise((answer) => {
      const id = this.#ids++;
      this.#waiting.set(id, answer);
      this.#requests.push({ id, name, input });
      // One message for what is asked in one turn.
      if (this.#requests.length === 1) queueMicrotask(() => this.#send());
    });
  }

  subscribe(listener: (topics: readonly WakeTopic[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelRestart?.();
    const worker = this.#worker;
    if (worker === null) return;
    this.#send();
    worker.postMessage({ kind: 'close' } satisfies ToThread);
    const cancel = this.#options.clock.after(CLOSE_MS, () => void worker.terminate());
    await this.#changed.until(() => this.#worker === null);
    cancel();
  }

  #send(): void {
    const requests = this.#requests;
    this.#requests = [];
    if (requests.length > 0) this.#worker?.postMessage({ kind: 'requests', requests } satisfies ToThread);
  }

  #hear({ answers, topics, metrics, notes, troubles }: Told): void {
    for (const { id, result } of answers) {
      this.#waiting.get(id)?.(result as ApiResult<never>);
      this.#waiting.delete(id);
    }
    for (const metric of metrics) this.#options.onMetric(metric);
    for (const note of notes) this.#options.onNote?.(note);
    for (const trouble of troubles) this.#options.onTrouble(trouble);
    this.#tell(topics);
  }

  #tell(topics: readonly WakeTopic[]): void {
    if (topics.length > 0) for (const listener of this.#listeners) listener(topics);
  }

  #lose(crash: Error): void {
    this.#worker = null;
    this.#requests = [];
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of waiting) answer(unavailable('The store has crashed; it is being started again.'));
    this.#changed.wake();
    if (this.#closing !== null) return;
    this.#options.onTrouble(`the store has crashed: ${crash.message}`);
    this.#restartLater();
  }

  #restartLater(): void {
    this.#cancelRestart = this.#options.clock.after(this.#restartMs, () => {
      this.#restartMs = Math.min(this.#restartMs * 2, MAX_RESTART_MS);
      this.open().then(
        // What was committed last may not have been told.
        () => (this.#closing === null ? this.#tell(['timers']) : void this.#worker?.terminate()),
        (error: unknown) => {
          this.#options.onTrouble(`the store cannot be started: ${error instanceof Error ? error.message : ''}`);
          if (this.#closing === null) this.#restartLater();
        },
      );
    });
  }
}

function unavailable(message: string): ApiResult<never> {
  const detail = { retryAfterMs: RESTART_MS * 2 };
  return { ok: false, error: { code: 'unavailable', reason: 'database', message, detail } };
}
