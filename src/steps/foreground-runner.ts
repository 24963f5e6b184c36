import type { StepEnd } from './step-end.ts';
import type { StepTask } from './step-frame.ts';
import type { StepRecord } from './step-record.ts';
import type { ForegroundOptions } from './steps-runner-options.ts';

/** Runs foreground steps of a job: main steps, pre and post stages, hooks. Commits each when it has ended. */
export declare class ForegroundRunner {
  constructor(options: ForegroundOptions);
  /** `publishAs`: its id in the `steps` context; null for what is no main step. Never rejects for what a step does. */
  run(record: StepRecord, task: StepTask, publishAs: string | null): Promise<StepEnd>;
}
