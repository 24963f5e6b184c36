import type { ActionStore } from '../actions/action-store.ts';
import type { Clock } from '../kernel/clock.ts';
import type { FlowRequest } from '../protocol/flow-plan.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { CheckoutPolicy } from './checkout-answer.ts';
import type { HashFiles } from './step-frame.ts';

/** What the handlers of one job need to know, beyond the scope of each step. */
export interface StepHandlerOptions {
  /** As the process host of the job has it: part of every tracking value. */
  readonly jobId: string;
  readonly workspace: string;
  /** `RUNNER_TEMP`: of this job alone, removed with it. */
  readonly tempDirectory: string;
  /** The environment of the runner itself with its `.env`: what every step inherits. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  /** `github.event`, written for every step. */
  readonly event: JsonMap;
  /** `defaults.run` of workflow and job, merged and evaluated. They do not reach into composite actions. */
  readonly defaults: ShellDefaults;
  readonly actions: ActionStore;
  readonly checkout: CheckoutPolicy;
  /** What runs Paceline. */
  readonly node: NodeRuntime;
  /** By version as in `using`, without `node`: `24` to the path of its binary. */
  readonly nodeRuntimes: Readonly<Record<string, string>>;
  readonly hashFiles: HashFiles;
  /** Masks a step summary; logs mask by themselves. */
  readonly mask: (text: string) => string;
  /** Asks something of the flow of the run, on behalf of the job. */
  readonly requestOfFlow: (request: FlowRequest) => void;
  readonly clock: Clock;
}

/** Null or empty where nothing is set. */
export interface ShellDefaults {
  readonly shell: string | null;
  readonly workingDirectory: string | null;
}

export interface NodeRuntime {
  readonly path: string;
  /** `20.20.2` */
  readonly version: string;
}
