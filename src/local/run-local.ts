import type { Clock } from '../kernel/clock.ts';
import type { LocalRun } from './local-run.ts';
import { RunInProgress } from './run-in-progress.ts';
import type { RunOptions } from './run-options.ts';
import type { TextOutput } from './text-output.ts';

export interface RunIo {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly colour: boolean;
  /** Draw the live view; else plain lines. */
  readonly live: boolean;
  /** Errors and the end result only. */
  readonly quiet: boolean;
  readonly clock: Clock;
}

/** Runs a workflow in this process: `flow` decides, the worker runs the jobs, everything that happens is recorded. */
export function startLocalRun(options: RunOptions, io: RunIo): LocalRun {
  const run = new RunInProgress(options, io);
  return {
    finished: run.work(),
    cancel: () => run.cancel(),
    kill: () => run.kill(),
    abandon: () => run.abandon(),
  };
}
