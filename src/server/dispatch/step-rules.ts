import type { StepState } from '../../protocol/events.ts';
import type { StepReport } from '../../protocol/report.ts';

export interface KnownStep {
  readonly state: StepState;
  readonly step: StepReport;
}

/** A step as rules see it: of one that is over nothing but that. */
export type StepBefore = KnownStep | { readonly state: 'completed'; readonly step: null };

/** A rule that a record would break, by name; counted under it. */
export type StepRule =
  | 'changed-after-end'
  | 'went-back'
  | 'started-twice'
  | 'ended-without-start'
  | 'end-without-result'
  | 'wait-ended-early';

const ORDER: Readonly<Record<StepState, number>> = { pending: 0, queued: 1, running: 2, cancelling: 3, completed: 4 };

/** Which rule the next state of a step breaks, or null. `steps`: those of the attempt so far, by number. */
export function brokenRule(steps: ReadonlyMap<number, StepBefore>, next: KnownStep): StepRule | null {
  const { state, step } = next;
  const before = steps.get(step.number);
  if (before?.state === 'completed') return 'changed-after-end';
  if (before && ORDER[state] < ORDER[before.state]) return 'went-back';
  const startedAt = before?.step.startedAt ?? null;
  if (startedAt !== null && step.startedAt !== startedAt) return 'started-twice';
  if (state !== 'completed') return null;
  if (step.outcome === null || step.conclusion === null) return 'end-without-result';
  // What failed before it could start, or was cancelled in the queue, has no start; what succeeded has.
  if (step.outcome === 'success' && step.startedAt === null) return 'ended-without-start';
  return waitEndedEarly(steps, step) ? 'wait-ended-early' : null;
}

/** Only a wait that was cancelled, or ran out of time, ends while what it waits for is active. */
function waitEndedEarly(
  steps: ReadonlyMap<number, StepBefore>,
  { kind, outcome, targets, number }: StepReport,
): boolean {
  if ((kind !== 'wait' && kind !== 'wait-all') || outcome !== 'success') return false;
  const ids = new Set(targets.map((id) => id.toLowerCase()));
  return [...steps.values()].some(
    ({ state, step }) =>
      step?.background === true &&
      step.number !== number &&
      step.id !== null &&
      ids.has(step.id.toLowerCase()) &&
      (state === 'queued' || state === 'running' || state === 'cancelling'),
  );
}
