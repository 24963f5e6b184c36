import { endByInternalError } from '../steps/internal-error.ts';
import type { StepEnd } from '../steps/step-end.ts';
import type { StepLog } from '../steps/step-log.ts';
import { StepRecord } from '../steps/step-record.ts';
import type { JobPremises } from './job-premises.ts';

export interface OwnStep {
  readonly number: number;
  readonly name: string;
  readonly phase: 'setup' | 'complete';
}

/**
 * Runs what the worker itself does as a visible step, "Set up job" or "Complete job". Never rejects: `done` is null when
 * `work` did.
 */
export async function runOwnStep<T extends { readonly end: StepEnd }>(
  { number, name, phase }: OwnStep,
  { records, logs, log: diagnostics }: JobPremises,
  work: (log: StepLog) => Promise<T>,
): Promise<{ readonly end: StepEnd; readonly done: T | null }> {
  const record = new StepRecord(
    { number, id: null, name, kind: 'setup', phase, background: false, group: null, targets: [] },
    records,
  );
  record.started();
  const log = logs.open(record, record.annotate);
  try {
    const done = await work(log);
    record.completed(done.end);
    return { end: done.end, done };
  } catch (error) {
    diagnostics.error('a stage of a job met a bug', { step: number, error: String((error as Error).stack ?? error) });
    const end = endByInternalError(error, record, log);
    record.completed(end);
    return { end, done: null };
  }
}
