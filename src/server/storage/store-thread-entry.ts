import { parentPort, workerData } from 'node:worker_threads';
import { bootClock } from '../../kernel/boot-clock.ts';
import { steadyClock } from '../../kernel/steady-clock.ts';
import { failpointAt, NO_FAILPOINT } from '../../kernel/failpoint.ts';
import type { WakeTopic } from '../operation.ts';
import type { OperationName } from '../operations.ts';
import { openStoreInProcess } from './open-store-in-process.ts';
import type { OperationTable } from './operation-table.ts';
import { randomId } from './random-id.ts';
import type { StoreMetric, StoreNote } from './store-metric.ts';
import type { FromThread, ThreadData, Told, ToThread } from './thread-messages.ts';

/**
 * What a store's thread does: opens the database, runs what it is asked, and tells what came of it. To be called once, by
 * the file that the thread is started with.
 */
export async function storeThreadEntry(table: OperationTable): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('the thread of a store is started by openStore');
  const post = (message: FromThread): void => port.postMessage(message);
  const outbox = new Outbox(post);
  const { failpoint, notes, ...options } = workerData as ThreadData;
  const strike = failpoint === null ? NO_FAILPOINT : failpointAt(failpoint, () => process.kill(process.pid, 'SIGKILL'));
  try {
    const store = await openStoreInProcess({
      ...options,
      table,
      clock: steadyClock(bootClock()),
      randomId,
      gather,
      onMetric: (metric) => outbox.metric(metric),
      ...(notes && { onNote: (note: StoreNote) => outbox.note(note) }),
      onTrouble: (message) => outbox.trouble(message),
      onCommit: (moment) => strike(moment === 'before' ? 'server-before-commit' : 'server-after-commit'),
    });
    store.subscribe((topics) => outbox.topics(topics));
    port.on('message', (message: ToThread) => {
      if (message.kind === 'close') {
        void store.close().then(() => {
          outbox.flush();
          port.close();
        });
        return;
      }
      for (const { id, name, input } of message.requests)
        void store.execute(name as OperationName, input as never).then((result) => outbox.answer(id, result));
    });
    post({ kind: 'open' });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    post({ kind: 'failed', error: { name, message } });
    port.close();
  }
}

/** Batches of so many are those of a busy server. */
const BUSY_BATCH = 4;
/** Of which each gains from the next being larger: most of what a commit costs it costs once. */
const BUSY_GATHER_MS = 2;

/** One turn of the loop, or a moment where there is much to do: what else is posted meanwhile shares the commit. */
function gather(before: number): Promise<void> {
  return new Promise((resolve) => {
    if (before >= BUSY_BATCH) setTimeout(resolve, BUSY_GATHER_MS);
    else setImmediate(resolve);
  });
}

/** What is told is collected for a turn of the loop: a message costs more than what most of them carry. */
class Outbox {
  readonly #post: (message: Told) => void;
  #answers: Told['answers'][number][] = [];
  #topics: WakeTopic[] = [];
  #metrics: StoreMetric[] = [];
  #notes: StoreNote[] = [];
  #troubles: string[] = [];
  #due = false;

  constructor(post: (message: Told) => void) {
    this.#post = post;
  }

  answer(id: number, result: Told['answers'][number]['result']): void {
    this.#answers.push({ id, result });
    this.#arm();
  }

  topics(topics: readonly WakeTopic[]): void {
    this.#topics.push(...topics);
    this.#arm();
  }

  metric(metric: StoreMetric): void {
    this.#metrics.push(metric);
    this.#arm();
  }

  note(note: StoreNote): void {
    this.#notes.push(note);
    this.#arm();
  }

  trouble(message: string): void {
    this.#troubles.push(message);
    this.#arm();
  }

  flush(): void {
    if (!this.#due) return;
    this.#due = false;
    this.#post({
      kind: 'told',
      answers: this.#answers,
      topics: this.#topics,
      metrics: this.#metrics,
      notes: this.#notes,
      troubles: this.#troubles,
    });
    this.#answers = [];
    this.#topics = [];
    this.#metrics = [];
    this.#notes = [];
    this.#troubles = [];
  }

  #arm(): void {
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => this.flush());
  }
}
