/**
 * What an agent needs of the world. The core does no I/O of its own and takes time and chance from here, so a
 * simulation can run it on a world that fails.
 */
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { AgentApi } from '../protocol/agent-api.ts';
import type { AttemptRecord } from '../protocol/attempt-record.ts';
import type { LossPolicy } from '../protocol/attempt-state.ts';
import type { ToWorker, WorkerOrder } from '../protocol/worker-link.ts';

export interface AgentPorts {
  readonly api: AgentApi;
  /** Its `monotonic` counts the time of a suspend as well, and goes on through a restart of the agent, not of the machine. */
  readonly clock: Clock;
  /** At least 0, below 1. */
  random(): number;
  readonly attempts: AttemptStore;
  readonly workers: WorkerLauncher;
  readonly keys: RunnerKeys;
  /** Null: may take work. Never rejects. */
  health(): Promise<HealthProblem | null>;
  /** Told on each change; for `paceline agent status`. */
  report(status: AgentStatus): void;
  readonly log: DiagnosticLog;
}

export interface HealthProblem {
  /** `disk`: there is too little room. */
  readonly kind: 'disk' | 'script';
  /** Why no work is taken, in a sentence without its full stop. */
  readonly message: string;
}

/** The private halves of the runner's keys. */
export interface RunnerKeys {
  /** Ed25519, base64. */
  sign(text: string): string;
  /** What was sealed to the runner's X25519 key. Throws when it was not, or was changed. */
  unseal(sealed: string, associatedData: string): string;
}

/** Where a process is found again. A pid alone may be another's by now, a boot id says whose pids are meant. */
export interface WorkerIdentity {
  readonly pid: number;
  /** Clock ticks since boot; null where there is no /proc. */
  readonly startTime: string | null;
  readonly bootId: string;
  readonly socketPath: string;
}

/**
 * What an agent that starts again has to know of an attempt.
 *
 * `starting`: a process waits for its order, and may have got it. `started`: it has. `ended`: fenced off or given up;
 * kept to be looked at. `done`: the server has all of it; kept for a server that is restored from a backup.
 */
export interface AttemptMeta {
  readonly attempt: string;
  readonly fence: number;
  /** Names its processes: unique for ever; letters, digits, `-`, `_`. */
  readonly jobId: string;
  readonly run: number;
  readonly job: string;
  readonly policy: LossPolicy;
  /** Which of the slots it has, from 0: workspaces are kept by it. */
  readonly slot: number;
  readonly state: 'starting' | 'started' | 'ended' | 'done';
  readonly worker: WorkerIdentity;
  /** The job's time limit, which its worker keeps; absent: none. */
  readonly limitMs?: number;
  /** Of the server that has all of it. */
  readonly incarnation: string | null;
  /** When it became `ended` or `done`, milliseconds since the epoch. */
  readonly over: number | null;
}

/** The folders of attempts, one each, named by attempt and fence. */
export interface AttemptStore {
  /** All that can be read. Folders without meta are what a crash left behind before anything was accepted: removed. */
  list(): Promise<readonly AttemptFolder[]>;
  /**
   * Durable with what is appended to it first, so that both share their way to the disk; before that it counts as not
   * made. Either rejects with the system's error, such as a full disk.
   */
  create(meta: AttemptMeta): Promise<AttemptFolder>;
}

export interface JournalEnd {
  /** 0: no record. */
  readonly seq: number;
  readonly hash: string;
  /** The last record is `job-finished`. */
  readonly finished: boolean;
}

export interface AttemptFolder {
  readonly directory: string;
  readonly meta: AttemptMeta;
  /** Atomic and durable. */
  update(meta: AttemptMeta): Promise<void>;
  /** The whole records that are on the disk; what a crash tore off at the end is not one. */
  journalEnd(): Promise<JournalEnd>;
  /** Durable when it resolves. Only while no worker writes. */
  append(records: readonly AttemptRecord[]): Promise<JournalEnd>;
  /**
   * Texts of records from `seq` on, none beyond `last`: at least one if there is one, else up to `maxBytes`.
   * `before`: the chain's hash at `seq` - 1.
   */
  read(seq: number, last: number, maxBytes: number): Promise<{ readonly before: string; readonly records: string[] }>;
  /** Steps with a log, and how long it is. */
  logs(): Promise<readonly LogLength[]>;
  readLog(step: number, offset: number, maxBytes: number): Promise<Uint8Array>;
  /** SHA-256 of a log, hex. */
  hashLog(step: number, length: number): Promise<string>;
  /** The folder with all in it. */
  remove(): Promise<void>;
}

export interface LogLength {
  readonly step: number;
  readonly length: number;
}

export interface WorkerLauncher {
  /**
   * A process that waits for its order and has no effect before; it ends by itself when the agent dies. Asked for while
   * an offer is still being accepted, so that its start costs no time. Rejects when there can be none.
   */
  spawn(place: WorkerPlace): Promise<WaitingWorker>;
  /** Null when that process does not live, or when its boot is another. */
  reattach(identity: WorkerIdentity): Promise<WorkerHandle | null>;
  /** Ends what a job without a worker left behind; how many processes that were. Never rejects. */
  reap(jobId: string): Promise<number>;
  readonly bootId: string;
}

export interface WorkerPlace {
  readonly jobId: string;
  /** Of its own, below the folder of attempts; is made when it is not there. */
  readonly attempt: string;
  readonly fence: number;
}

export interface WaitingWorker {
  readonly identity: WorkerIdentity;
  /** Fills in the places. Resolves when the order was handed over; rejects when the process has died. Once. */
  begin(order: WorkerAssignment): Promise<WorkerHandle>;
  /** Not needed after all. */
  dismiss(): void;
}

/** The part of a {@link WorkerOrder} that the core knows; folders and socket are the launcher's. */
export type WorkerAssignment = Pick<
  WorkerOrder,
  'message' | 'jobId' | 'runnerName' | 'checkout' | 'allowActions' | 'config' | 'spoolBytes' | 'leaseMs'
> & {
  /** Decides over the folder of the workspace: `owner/name`, or null. */
  readonly repository: string | null;
  /** 0 to slots - 1; no other job has it at the same time. */
  readonly slot: number;
};

/** A process of a worker that got its order, ours or one that a dead agent left to us. */
export interface WorkerHandle {
  readonly identity: WorkerIdentity;
  /** Last record that is on the disk, as far as the worker told. */
  readonly seq: number;
  readonly logs: ReadonlyMap<number, number>;
  /** Called after each change of `seq` or `logs`. */
  onProgress(listener: () => void): void;
  send(message: ToWorker): void;
  /** SIGKILL to the worker alone; what it had started is left to {@link WorkerLauncher.reap}. */
  kill(): void;
  /** Resolves when the process is gone. Never rejects. */
  readonly exited: Promise<void>;
}

export interface AgentStatus {
  readonly state: 'connecting' | 'idle' | 'busy' | 'paused' | 'unhealthy' | 'draining' | 'ended';
  /** Why no work is taken, or why it ended. */
  readonly note: string | null;
  readonly session: string | null;
  readonly slots: number;
  readonly jobs: readonly {
    readonly attempt: string;
    readonly run: number;
    readonly job: string;
    readonly state: string;
    /** Records and log bytes that the server has not acknowledged. */
    readonly records: number;
    readonly logBytes: number;
  }[];
  /** Milliseconds since the epoch; null: never. */
  readonly lastSync: number | null;
}
