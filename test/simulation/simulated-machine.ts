/**
 * A machine with an agent on it: a disk that outlives processes, and workers that outlive their agent. What a job does
 * is told by the `run` texts of its steps: `sim MS EXIT BYTES`.
 */
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
} from '../../src/agent/agent-ports.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { ToWorker } from '../../src/protocol/worker-link.ts';
import type { History } from './history.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedWorker } from './simulated-worker.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a crash of the machine leaves is what was synced; a crash of a process leaves everything. */
interface DiskFolder {
  meta: AttemptMeta;
  readonly records: { readonly text: string; readonly hash: string }[];
  syncedRecords: number;
  readonly logs: Map<number, { bytes: Buffer; synced: number }>;
}

export class SimulatedMachine {
  readonly name: string;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #history: History;
  readonly #disk = new Map<string, DiskFolder>();
  readonly #workers = new Map<number, SimulatedWorker>();
  #boots = 1;
  #pids = 100;
  /** Counts up when the agent dies: what an older one holds in its hands does nothing any more. */
  #life = 0;
  /** Writes are refused. */
  diskFull = false;

  constructor(name: string, time: VirtualTime, random: SeededRandom, history: History) {
    this.name = name;
    this.#time = time;
    this.#random = random;
    this.#history = history;
  }

  get bootId(): string {
    return `${this.name}-boot-${this.#boots}`;
  }

  get workers(): readonly SimulatedWorker[] {
    return [...this.#workers.values()];
  }

  /** The agent's process ends at once; its workers and its files stay. */
  killAgent(): void {
    this.#life++;
    for (const worker of this.#workers.values()) if (worker.waiting) this.#bury(worker);
  }

  killWorker(worker: SimulatedWorker): void {
    this.#history.workerKilled(worker.attempt);
    this.#bury(worker);
  }

  /** Power goes: processes are gone, and with them what was not synced. */
  reboot(): void {
    this.#life++;
    this.#boots++;
    for (const worker of this.#workers.values()) {
      if (!worker.waiting) this.#history.workerKilled(worker.attempt);
      this.#bury(worker);
    }
    for (const folder of this.#disk.values()) {
      folder.records.length = folder.syncedRecords;
      for (const log of folder.logs.values()) log.bytes = log.bytes.subarray(0, log.synced);
    }
  }

  /** Everything an agent's disk holds, as text: for looking for secrets. */
  contents(): string {
    return JSON.stringify(
      [...this.#disk].map(([name, { meta, records, logs }]) => [
        name,
        meta,
        records.map(({ text }) => text),
        [...logs.values()].map(({ bytes }) => bytes.toString('latin1')),
      ]),
    );
  }

  /** Attempt and texts of the records of every folder: an attempt that was handed back has one for each fence. */
  journals(): [string, string[]][] {
    return [...this.#disk.values()].map(({ meta, records }) => [meta.attempt, records.map(({ text }) => text)]);
  }

  ports(): { readonly attempts: AttemptStore; readonly workers: WorkerLauncher } {
    const life = this.#life;
    const alive = (): boolean => life === this.#life;
    return { attempts: this.#attempts(alive), workers: this.#launcher(alive) };
  }

  #bury(worker: SimulatedWorker): void {
    this.#workers.delete(worker.pid);
    worker.die();
  }

  /** Answers of the disk take a moment, and never come when the agent has died meanwhile. */
  async #disked<T>(alive: () => boolean, act: () => T): Promise<T> {
    if (!alive()) return never();
    await this.#time.sleep(this.#random.next() * DISK_MS);
    if (!alive()) return never();
    const result = act();
    await this.#time.sleep(this.#random.next() * DISK_MS);
    return alive() ? result : never();
  }

  #attempts(alive: () => boolean): AttemptStore {
    return {
      list: () => this.#disked(alive, () => [...this.#disk.keys()].map((key) => this.#folder(key, alive))),
      create: (meta) =>
        this.#disked(alive, () => {
          this.#refuseWhenFull();
          const key = keyOf(meta.attempt, meta.fence);
          if (!this.#disk.has(key)) this.#disk.set(key, { meta, records: [], syncedRecords: 0, logs: new Map() });
          else this.#at(key).meta = meta;
          return this.#folder(key, alive);
        }),
    };
  }

  #folder(key: string, alive: () => boolean): AttemptFolder {
    const folder = (): DiskFolder => this.#at(key);
    const disked = <T>(act: () => T): Promise<T> => this.#disked(alive, act);
    let known = folder().meta;
    /** What was read is still known when the folder is gone. */
    const metaOf = (): AttemptMeta => (known = this.#disk.get(key)?.meta ?? known);
    return {
      directory: `/disk/${key}`,
      get meta() {
        return metaOf();
      },
      update: (meta) =>
        disked(() => {
          folder().meta = meta;
        }),
      journalEnd: () => disked(() => endOf(folder())),
      append: (records) =>
        disked(() => {
          const disk = folder();
          for (const record of records) this.#write(disk, record);
          disk.syncedRecords = disk.records.length;
          return endOf(disk);
        }),
      read: (seq, last, maxBytes) =>
        disked(() => {
          const { records } = folder();
          const texts: string[] = [];
          let size = 0;
          for (const { text } of records.slice(seq - 1, last)) {
            if (texts.length > 0 && size + text.length > maxBytes) break;
            texts.push(text);
            size += text.length;
          }
          return { before: records[seq - 2]?.hash ?? CHAIN_START, records: texts };
        }),
      logs: () => disked(() => [...folder().logs].map(([step, { bytes }]) => ({ step, length: bytes.length }))),
      readLog: (step, offset, maxBytes) =>
        disked(
          () =>
            folder()
              .logs.get(step)
              ?.bytes.subarray(offset, offset + maxBytes) ?? Buffer.alloc(0),
        ),
      hashLog: (step, length) =>
        disked(() =>
          createHash('sha256')
            .update(folder().logs.get(step)?.bytes.subarray(0, length) ?? Buffer.alloc(0))
            .digest('hex'),
        ),
      remove: () => disked(() => void this.#disk.delete(key)),
    };
  }

  #launcher(alive: () => boolean): WorkerLauncher {
    const handle = (worker: SimulatedWorker): WorkerHandle => {
      const listeners: (() => void)[] = [];
      worker.onProgress(() => {
        if (alive()) for (const listener of listeners) listener();
      });
      const identity = this.#identity(worker);
      return {
        identity,
        get seq() {
          return worker.seq;
        },
        get logs() {
          return worker.logLengths;
        },
        onProgress: (listener) => void listeners.push(listener),
        send: (message: ToWorker) => {
          if (alive()) worker.obey(message);
        },
        kill: () => {
          if (alive() && this.#workers.has(worker.pid)) this.#bury(worker);
        },
        exited: worker.exited.then(() => (alive() ? undefined : never())),
      };
    };
    return {
      bootId: this.bootId,
      spawn: async ({ attempt, fence }): Promise<WaitingWorker> => {
        await this.#time.sleep(this.#random.next() * SPAWN_MS);
        if (!alive()) return never();
        const key = keyOf(attempt, fence);
        const worker = new SimulatedWorker(
          { pid: this.#pids++, attempt },
          { time: this.#time, history: this.#history, random: this.#random.fork() },
        );
        this.#workers.set(worker.pid, worker);
        void worker.exited.then(() => this.#workers.delete(worker.pid));
        return {
          identity: this.#identity(worker),
          begin: async (assignment: WorkerAssignment) => {
            await this.#time.sleep(this.#random.next() * DISK_MS);
            if (!alive()) return never();
            if (!this.#workers.has(worker.pid)) throw new Error('the worker has died');
            worker.begin(assignment, {
              append: (record) => this.#write(this.#at(key), record),
              syncRecords: () => this.#syncRecords(key),
              log: (step, bytes) => this.#logByWorker(key, step, bytes),
              syncLogs: () => this.#syncLogs(key),
            });
            return handle(worker);
          },
          dismiss: () => {
            if (alive()) this.#bury(worker);
          },
        };
      },
      reattach: async (identity) => {
        await this.#time.sleep(this.#random.next() * DISK_MS);
        if (!alive()) return never();
        const worker = this.#workers.get(identity.pid);
        return worker === undefined || worker.waiting || identity.bootId !== this.bootId ? null : handle(worker);
      },
      reap: async () => {
        await this.#time.sleep(this.#random.next() * DISK_MS);
        return alive() ? 0 : never();
      },
    };
  }

  #identity(worker: SimulatedWorker): WorkerIdentity {
    return { pid: worker.pid, startTime: String(worker.pid), bootId: this.bootId, socketPath: `/run/${worker.pid}` };
  }

  #syncRecords(key: string): number {
    const folder = this.#at(key);
    folder.syncedRecords = folder.records.length;
    return folder.syncedRecords;
  }

  #logByWorker(key: string, step: number, bytes: Buffer): number {
    const { logs } = this.#at(key);
    const log = logs.get(step) ?? { bytes: Buffer.alloc(0), synced: 0 };
    log.bytes = Buffer.concat([log.bytes, bytes]);
    logs.set(step, log);
    return log.bytes.length;
  }

  #syncLogs(key: string): void {
    for (const log of this.#at(key).logs.values()) log.synced = log.bytes.length;
  }

  #write(folder: DiskFolder, record: AttemptRecord): void {
    const text = JSON.stringify(record);
    folder.records.push({ text, hash: chainHash(folder.records.at(-1)?.hash ?? CHAIN_START, text) });
  }

  #at(key: string): DiskFolder {
    const folder = this.#disk.get(key);
    if (!folder) throw new Error(`no folder ${key}`);
    return folder;
  }

  #refuseWhenFull(): void {
    if (this.diskFull) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
}

const DISK_MS = 2;
const SPAWN_MS = 60;

function keyOf(attempt: string, fence: number): string {
  return `${attempt}.${fence}`;
}

function endOf({ records }: DiskFolder): JournalEnd {
  const last = records.at(-1);
  return {
    seq: records.length,
    hash: last?.hash ?? CHAIN_START,
    finished: last !== undefined && (JSON.parse(last.text) as AttemptRecord).kind === 'job-finished',
  };
}

/** What a dead process waits for. */
function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
