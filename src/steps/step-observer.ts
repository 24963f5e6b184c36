import type { StepState } from '../protocol/events.ts';
import type { Annotation, StepReport } from '../protocol/report.ts';

/** Is told what happens to the steps of a job, as it happens. Its methods are called synchronously and must not throw. */
export interface StepObserver {
  /** A step exists and was not reached yet; in the order of the numbers. */
  declared(step: StepReport): void;
  /** Its state is now this; `completed` exactly once per step, after which nothing of it changes. */
  changed(step: StepReport, state: StepState): void;
  annotated(number: number, annotation: Annotation): void;
}
