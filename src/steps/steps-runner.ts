import type { StepReport } from '../protocol/report.ts';
import type { StepsRunnerOptions } from './steps-runner-options.ts';

/** The steps of one job: main steps in order, the drain, post steps. The only writer of the job's state. */
export declare class StepsRunner {
  constructor(options: StepsRunnerOptions);
  /** Once. Resolves when every step has a conclusion; the status is in `frame.state`. */
  run(): Promise<readonly StepReport[]>;
}
