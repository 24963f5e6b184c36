import type { ActionStore } from '../actions/action-store.ts';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { FifoPool } from '../process/fifo-pool.ts';
import type { JobEvent } from '../protocol/events.ts';
import type { CheckoutPolicy } from '../steps/checkout-answer.ts';
import type { NodeRuntime } from '../steps/handler-options.ts';
import type { LogSink } from '../steps/step-log.ts';
import type { RunnerConfig } from '../config/runner-config.ts';

/** The part of the configuration that a job goes by. */
export type WorkerConfig = Pick<
  RunnerConfig,
  | 'maxBackground'
  | 'stopGrace'
  | 'coordinatorGraceSeconds'
  | 'cancelTimeoutSeconds'
  | 'tearDownSeconds'
  | 'waitNoticeSeconds'
  | 'oomScoreAdj'
  | 'cgroups'
  | 'nodeRuntimes'
  | 'hooks'
>;

/** The `runner` context, without what belongs to the job. */
export interface RunnerFacts {
  readonly name: string;
  readonly os: 'Linux' | 'macOS' | 'Windows';
  readonly arch: 'X86' | 'X64' | 'ARM' | 'ARM64';
  readonly environment: 'self-hosted' | 'github-hosted';
}

/** What a job is given by whoever runs it. */
export interface WorkerHost {
  /** Unique for ever: it names the job's processes and its cgroup. Letters, digits, `-`, `_`. */
  readonly jobId: string;
  /** Of Paceline. */
  readonly version: string;
  /** What runs Paceline. */
  readonly node: NodeRuntime;
  readonly runner: RunnerFacts;
  /** Absolute; exists. */
  readonly workspace: string;
  /** Exists; the job makes a folder of its own in it, mode 0700, and removes it. */
  readonly tempRoot: string;
  /** For the output of the job's processes, made ahead of time; default: made by the job. */
  readonly fifos?: FifoPool | null;
  /** `RUNNER_TOOL_CACHE`; need not exist. */
  readonly toolCache: string;
  readonly actions: ActionStore;
  readonly checkout: CheckoutPolicy;
  readonly config: WorkerConfig;
  /** What steps inherit. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  /** The runner's `.env`, which goes over it; null unsets. */
  readonly dotenv: ReadonlyMap<string, string | null>;
  /** Ask the job to end, as a user does: `always()` and post steps run. The reason is a `Cancellation`. */
  readonly cancel: AbortSignal;
  /** End what runs at once and start nothing more; clean-up and report still happen. */
  readonly kill: AbortSignal;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  /** Whether `emit` is to be given events of type `log`; {@link openLog} gets every line in any case. */
  readonly logEvents: boolean;
  /** Called before anything is done in the workspace; returns a sentence when the job cannot begin. */
  prepareWorkspace?(): Promise<string | null>;
  /** Masked events of the job, in order, called synchronously. Must not throw. */
  emit(event: JobEvent): void;
  /**
   * Opens the log of a step, at most once for each number; the name is masked. Lines are only valid during the call.
   * When it or the sink throws (a full disk), the log of that step is cut, and the job goes on.
   */
  openLog(stepNumber: number, stepName: string): LogSink;
}
