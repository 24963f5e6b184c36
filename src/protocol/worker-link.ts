/**
 * Agent and worker are two processes. What an agent gives a worker at its start goes over file descriptor 3, which is
 * then closed; afterwards they meet through the attempt's folder and a Unix socket in a folder of mode 0700, one JSON
 * object a line. A restarted agent connects again.
 *
 * The agent starts `paceline worker` detached (a session of its own) with `stdio: ['ignore', 'ignore', ERRORS, 'pipe']`,
 * ERRORS being a descriptor of {@link WORKER_ERRORS_FILE}, writes the order to descriptor 3 and closes it. The worker ends
 * with 0 when the journal has its `job-finished`, whatever that says; with anything else the agent speaks for it.
 */
import type { JobMessage } from './job-message.ts';

/** Once, on file descriptor 3. Holds secrets: it never touches a disk. */
export interface WorkerOrder {
  readonly message: JobMessage;
  /** Names the job's processes and its cgroup: `process/reap` finds them by it. */
  readonly jobId: string;
  /** Absolute; has the journal, with `job-started` in it, and `logs/`. */
  readonly attemptDirectory: string;
  /** Made when it is not there. */
  readonly workspace: string;
  /** Whether the workspace is emptied first (`job`) or left as it is (`never`). */
  readonly clean: 'job' | 'never';
  /** Of the runner: fetched actions and tools are kept below it where the configuration names no other folder. */
  readonly cacheDirectory: string;
  /** Made when it is not there. */
  readonly tempRoot: string;
  readonly socketPath: string;
  readonly runnerName: string;
  /** What `actions/checkout` of the run's own repository is answered with. */
  readonly checkout: {
    readonly repository: string;
    readonly url: string;
    readonly ref: string;
    readonly sha: string;
    readonly token: string | null;
  } | null;
  /** Patterns of actions that may be used; empty: all. */
  readonly allowActions: readonly string[];
  /** `runner.config.json` as loaded. */
  readonly config: unknown;
  /** Bytes that the logs of the attempt may take. */
  readonly spoolBytes: number;
  /** Of an `exclusive` job: as if `lease` had been said with it at the start. */
  readonly leaseMs?: number;
}

export type ToWorker =
  | {
      readonly kind: 'cancel';
      readonly cause: 'user' | 'fail-fast' | 'concurrency' | 'withdrawn' | 'timeout' | 'shutdown';
    }
  | { readonly kind: 'kill' }
  /** Of an `exclusive` job, after each renewal: unless another one comes within this time, everything ends at once. */
  | { readonly kind: 'lease'; readonly ms: number };

/** Levels, not changes: the last one says it all, and is said on connecting. */
export type FromWorker =
  /** Number of the last record in the journal that is on the disk. */
  | { readonly kind: 'journal'; readonly seq: number }
  /** Bytes in the file of a step's log. */
  | { readonly kind: 'log'; readonly step: number; readonly length: number };

/** Files in the attempt's folder. */
export const JOURNAL_FILE = 'journal';
export const LOG_FOLDER = 'logs';
/** Standard error of the worker itself: what it says when it breaks. */
export const WORKER_ERRORS_FILE = 'worker.stderr';

/** `logs/3.log` */
export function logFile(step: number): string {
  return `${LOG_FOLDER}/${step}.log`;
}
