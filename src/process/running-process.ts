/** Border of the room: what a caller gives to start a process and what it gets back. */

/** Milliseconds from SIGINT to SIGTERM, and from SIGTERM to SIGKILL. */
export interface StopLadder {
  readonly interruptMs: number;
  readonly terminateMs: number;
}

export const DEFAULT_LADDER: StopLadder = { interruptMs: 7_500, terminateMs: 2_500 };

export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing is inherited beyond it. Contains {@link TRACKING_VARIABLE}. */
  readonly env: Readonly<Record<string, string>>;
  readonly ladder: StopLadder;
  /** Raw bytes of stdout and stderr in the order they were written, in blocks of up to 64 KiB. Called synchronously. */
  readonly onOutput: (block: Buffer) => void;
}

/** A pid is only ever compared together with its start time (clock ticks since boot; null where /proc is missing). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string | null;
}

/** How a process came to its end. */
export type ProcessExit =
  /** It ran. `stopped`: an end was asked for while it lived. `outputCut`: a leftover held the pipe open too long. */
  | {
      readonly kind: 'exited';
      readonly exitCode: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly stopped: boolean;
      readonly outputCut: boolean;
    }
  /** It could not be started: no such command, no such working directory, no permission. One sentence. */
  | { readonly kind: 'not-started'; readonly message: string; readonly stopped: boolean };

/** A started process and everything it starts. */
export interface RunningProcess {
  readonly identity: ProcessIdentity | null;
  /**
   * Settles when the process has ended and its output is complete, never rejects. After a `stop` or `kill` it settles
   * only when its whole tree is gone (group, cgroup, and what carries the tracking variable's value).
   */
  readonly exited: Promise<ProcessExit>;
  /**
   * Walks the ladder on its whole session, see `endTree`. Remembered if the process has not started yet: then it
   * never does. Further calls do nothing.
   */
  stop(): void;
  /** Goes straight to the last rung, also during a `stop`. */
  kill(): void;
}

/**
 * Starts processes for one job and ends what they left behind. One per job: made in set-up, disposed at the end of the
 * job.
 */
export interface ProcessHost {
  start(spec: ProcessSpec): RunningProcess;
  /**
   * Ends everything that was started here and still lives (servers started with `&`, daemons). Returns what was ended,
   * for the log.
   */
  endLeftovers(): Promise<readonly { readonly pid: number; readonly name: string }[]>;
  /** Removes cgroups and FIFOs. Call after `endLeftovers`; any number of times. */
  dispose(): Promise<void>;
}

/**
 * In the environment of every process of a job, as on GitHub's runner: what overwrites it leaves the job for good.
 * The value is `paceline_` + job-unique id + `.` + step number, so that one step's processes can be told from another's.
 */
export const TRACKING_VARIABLE = 'RUNNER_TRACKING_ID';

/** How much longer than the ladder whoever stops a process waits before it is written off. */
export const GRACE_MARGIN_MS = 2_000;
