import type { AttemptRecord } from '../protocol/attempt-record.ts';
import type { StepState } from '../protocol/events.ts';
import type { StepReport } from '../protocol/report.ts';

export interface OpenStep {
  /** As it was told last. */
  readonly step: StepReport;
  readonly state: StepState;
}

/**
 * The steps that were declared and have not completed, by number; `pending` ones were never begun. What whoever speaks
 * for a dead worker has to bring to an end before `job-finished`.
 */
export function openSteps(records: Iterable<AttemptRecord>): readonly OpenStep[] {
  const open = new Map<number, OpenStep>();
  for (const record of records) {
    if (record.kind !== 'step') continue;
    const { step, state } = record;
    if (state === 'completed') open.delete(step.number);
    else open.set(step.number, { step, state });
  }
  return [...open.values()].sort((a, b) => a.step.number - b.step.number);
}
