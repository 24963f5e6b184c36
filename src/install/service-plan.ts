import type { Failpoint } from '../kernel/failpoint.ts';
import type { RunTool } from './run-tool.ts';
import type { RunnerFolder } from './runner-folder.ts';
import type { ServiceRecord } from './service-record.ts';

/** What a service is made of and by. */
export interface ServicePlan {
  readonly folder: RunnerFolder;
  /** Of the runner, as its server knows it. */
  readonly runner: string;
  /** `isComplete` is not looked at. */
  readonly record: ServiceRecord;
  /** What an ordinary stop may take at most: jobs end, results are sent. */
  readonly stopSeconds: number;
  /** Absolute, of the account's settings: where the agent is to write beside its state. */
  readonly workFolders: readonly string[];
  readonly runTool: RunTool;
  readonly failpoint: Failpoint;
}
