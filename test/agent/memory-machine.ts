import { createHash } from 'node:crypto';
import { CHAIN_START, chainHash } from '../../src/kernel/record-chain.ts';
import type {
  AttemptFolder,
  AttemptMeta,
  AttemptStore,
  JournalEnd,
  WaitingWorker,
  WorkerAssignment,
  WorkerHandle,
  WorkerIdentity,
  WorkerLauncher,
  WorkerPlace,
} from '../../src/agent/agent-ports.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { ToWorker } from '../../src/protocol/worker-link.ts';

interface Folder {
  meta: AttemptMeta;
  readonly texts: string[];
  readonly logs: Map<number, Buffer>;
}

/** A disk and processes that outlive an agent. */
export class MemoryMachine {
  readonly disk = new Map<string, Folder>();
  readonly workers: MemoryWorker[] = [];
  readonly reaped: string[] = [];
  boot = 1;
  /** Refuses writes with this. */
  diskError: Error | null = null;
  spawnError: Error | null = null;
  #pids = 100;

  get bootId(): string {
    return `boot-${this.boot}`;
  }

  /** The worker of an attempt that got its order. */
  worker(attempt: string): MemoryWorker {
    const found = this.workers.find((worker) => worker.place.attempt === attempt && worker.order !== null);
    if (found === undefined) throw new Error(`no worker of ${attempt}`);
    return found;
  }

  started(attempt: string): number {
    return this.workers.filter(({ place, order }) => place.attempt === attempt && order !== null).length;
  }

  folder(attempt: string): Folder {
    const found = [...this.disk].find(([key]) => key.startsWith(`${attempt}.`));
    if (found === undefined) throw new Error(`no folder of ${attempt}`);
    return found[1];
  }

  attempts(): AttemptStore {
    return {
      list: () => Promise.resolve([...this.disk.keys()].map((key) => this.#open(key))),
      create: (meta) => {
        if (this.diskError !== null) return Promise.reject(this.diskError);
        const key = `${meta.attempt}.${meta.fence}`;
        this.disk.set(key, { meta, texts: [], logs: new Map() });
        return Promise.resolve(this.#open(key));
      },
    };
  }

  launcher(): WorkerLauncher {
    return {
      bootId: this.bootId,
      spawn: (place) => {
        if (this.spawnError !== null) return Promise.reject(this.spawnError);
        const worker = new MemoryWorker(this, place, this.#pids++);
        this.workers.push(worker);
        return Promise.resolve(worker.waiting());
      },
      reattach: ({ pid }) => {
        const worker = this.workers.find((one) => one.pid === pid && !one.dead);
        return Promise.resolve(worker?.handle() ?? null);
      },
      reap: (jobId) => {
        this.reaped.push(jobId);
        return Promise.resolve(0);
      },
    };
  }

  append(key: string, records: readonly AttemptRecord[]): JournalEnd {
    const { texts } = this.#at(key);
    texts.push(...records.map((record) => JSON.stringify(record)));
    return endOf(texts);
  }

  #at(key: string): Folder {
    const folder = this.disk.get(key);
    if (folder === undefined) throw new Error(`no folder ${key}`);
    return folder;
  }

  #open(key: string): AttemptFolder {
    const folder = (): Folder => this.#at(key);
    const refuse = (): void => {
      if (this.diskError !== null) throw this.diskError;
    };
    let known = folder().meta;
    return {
      directory: `/attempts/${key}`,
      get meta() {
        return known;
      },
      update: (meta) => {
        if (this.diskError !== null) return Promise.reject(this.diskError);
        known = meta;
        const at = this.disk.get(key);
        if (at !== undefined) at.meta = meta;
        return Promise.resolve();
      },
      journalEnd: () => Promise.resolve(endOf(folder().texts)),
      append: async (records) => {
        await Promise.resolve();
        refuse();
        return this.append(key, records);
      },
      read: (seq, last, maxBytes) => {
        const { texts } = folder();
        const records: string[] = [];
        let size = 0;
        for (const text of texts.slice(seq - 1, last)) {
          if (records.length > 0 && size + text.length > maxBytes) break;
          records.push(text);
          size += text.length;
        }
        return Promise.resolve({ before: endOf(texts.slice(0, seq - 1)).hash, records });
      },
      logs: () => Promise.resolve([...folder().logs].map(([step, { length }]) => ({ step, length }))),
      readLog: (step, offset, maxBytes) =>
        Promise.resolve(
          folder()
            .logs.get(step)
            ?.subarray(offset, offset + maxBytes) ?? Buffer.alloc(0),
        ),
      hashLog: (step, length) => {
        const bytes = folder().logs.get(step)?.subarray(0, length) ?? Buffer.alloc(0);
        return Promise.resolve(createHash('sha256').update(bytes).digest('hex'));
      },
      remove: () => {
        this.disk.delete(key);
        return Promise.resolve();
      },
    };
  }
}

function endOf(texts: readonly string[]): JournalEnd {
  let hash = CHAIN_START;
  for (const text of texts) hash = chainHash(hash, text);
  const last = texts.at(-1);
  const finished = last !== undefined && (JSON.parse(last) as AttemptRecord).kind === 'job-finished';
  return { seq: texts.length, hash, finished };
}

/** Does what the test says. */
export class MemoryWorker {
  readonly place: WorkerPlace;
  readonly pid: number;
  readonly heard: ToWorker[] = [];
  order: WorkerAssignment | null = null;
  dead = false;
  /** How it came to that. */
  killed = false;
  /** SIGKILL does nothing. */
  beginError: Error | null = null;
  readonly #machine: MemoryMachine;
  readonly #identity: WorkerIdentity;
  #listeners: (() => void)[] = [];
  #seq = 1;
  readonly #logs = new Map<number, number>();
  #leave: () => void = () => undefined;
  readonly #exited = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });

  constructor(machine: MemoryMachine, place: WorkerPlace, pid: number) {
    this.#machine = machine;
    this.place = place;
    this.pid = pid;
    this.#identity = { pid, startTime: String(pid), bootId: machine.bootId, socketPath: `/run/${pid}` };
  }

  waiting(): WaitingWorker {
    return {
      identity: this.#identity,
      begin: (order) => {
        if (this.beginError !== null) return Promise.reject(this.beginError);
        this.order = order;
        return Promise.resolve(this.handle());
      },
      dismiss: () => this.die(),
    };
  }

  handle(): WorkerHandle {
    const seqOf = (): number => this.#seq;
    return {
      identity: this.#identity,
      get seq() {
        return seqOf();
      },
      logs: this.#logs,
      onProgress: (listener) => void this.#listeners.push(listener),
      send: (message) => void this.heard.push(message),
      kill: () => {
        this.killed = true;
        this.die();
      },
      exited: this.#exited,
    };
  }

  write(...records: AttemptRecord[]): void {
    this.#seq = this.#machine.append(this.#key, records).seq;
    this.#tell();
  }

  print(step: number, text: string): void {
    const { logs } = this.#machine.folder(this.place.attempt);
    const grown = Buffer.concat([logs.get(step) ?? Buffer.alloc(0), Buffer.from(text)]);
    logs.set(step, grown);
    this.#logs.set(step, grown.length);
    this.#tell();
  }

  die(): void {
    this.dead = true;
    this.#leave();
  }

  /** The agent that listened is no more. */
  forget(): void {
    this.#listeners = [];
  }

  get #key(): string {
    return `${this.place.attempt}.${this.place.fence}`;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
