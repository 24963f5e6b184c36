import type { RunnerConfig } from '../config/runner-config.ts';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { AgentExit } from './agent-exit.ts';

export interface StartAgentOptions {
  readonly config: RunnerConfig;
  /** Absolute; where `registerAgent` put the runner's credentials. */
  readonly stateDirectory: string;
  /** Short and of mode 0700, such as below XDG_RUNTIME_DIR: sockets have at most 108 bytes of path. Is made if needed. */
  readonly runtimeDirectory: string;
  /** What is started for each job, with `worker` as last argument. */
  readonly worker: { readonly command: string; readonly args: readonly string[] };
  /** Of the workers. */
  readonly environment: Readonly<Record<string, string>>;
  readonly proxy: ProxySettings;
  readonly version: string;
  /** End a live session of another machine. */
  readonly takeover: boolean;
  readonly log: DiagnosticLog;
  /** Default: this machine's. */
  readonly clock?: Clock;
}

/** As in HTTP_PROXY, HTTPS_PROXY, NO_PROXY; null: none. */
export interface ProxySettings {
  readonly http: string | null;
  readonly https: string | null;
  readonly no: string | null;
}

export interface RunningAgent {
  /** Takes no more work, ends when what runs has ended, at the latest when the drain's time is over. */
  drain(): void;
  /** Drains, and cancels what runs: its post steps run. */
  cancel(): void;
  /** Kills what runs, says so to the server if it answers soon, and ends. */
  kill(): void;
  readonly finished: Promise<AgentExit>;
}

/** Rejects with an `AgentProblem` where there are no credentials, or another agent has the folder. */
export function startAgent(options: StartAgentOptions): Promise<RunningAgent> {
  return Promise.reject(new Error(`no agent in ${options.stateDirectory}`));
}
