import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { JobEvent, StepState } from '../protocol/events.ts';
import type { FlowRequest, FlowWish } from '../protocol/flow-plan.ts';
import type { Annotation, JobReport, StepReport } from '../protocol/report.ts';
import type { StepObserver } from '../steps/step-observer.ts';
import { LogEvents } from './log-events.ts';

export interface JobEventsOptions {
  /** The job's key. */
  readonly job: string;
  readonly clock: Clock;
  readonly emit: (event: JobEvent) => void;
  /** Whether lines of logs are events too. */
  readonly logEvents: boolean;
  readonly log: DiagnosticLog;
}

/** An event without what every event has. */
type Content<E extends JobEvent = JobEvent> = E extends JobEvent ? Omit<E, 'at' | 'job'> : never;

/** Turns what happens in one job into its events, and keeps the last report of each step. */
export class JobEvents implements StepObserver {
  readonly #options: JobEventsOptions;
  readonly #steps = new Map<number, StepReport>();
  readonly #lines: LogEvents | null;
  #requests = 0;

  constructor(options: JobEventsOptions) {
    this.#options = options;
    this.#lines = options.logEvents
      ? new LogEvents(options.clock, (step, lines) => this.#emit({ type: 'log', step, lines }))
      : null;
  }

  /** By number. */
  get steps(): StepReport[] {
    return [...this.#steps.values()].sort((a, b) => a.number - b.number);
  }

  started(id: string, name: string): void {
    this.#emit({ type: 'job-started', id, name });
  }

  declared(step: StepReport): void {
    this.changed(step, 'pending');
  }

  changed(step: StepReport, state: StepState): void {
    this.#steps.set(step.number, step);
    // What a step printed is told before it is told that it ended.
    this.#lines?.flush(step.number);
    this.#options.log.debug(`step ${state}`, { step: step.number, conclusion: step.conclusion, reason: step.reason });
    this.#emit({ type: 'step', state, step });
  }

  annotated(number: number, annotation: Annotation): void {
    this.#emit({ type: 'annotation', step: number, annotation });
  }

  /** Finished output of a step. */
  lines(number: number, lines: Buffer): void {
    this.#lines?.add(number, lines);
  }

  requestOfFlow(request: FlowRequest): void {
    this.#requests += 1;
    this.#emit({ type: 'flow-request', id: this.#requests, request });
  }

  completed(report: JobReport, wish: FlowWish | null): void {
    this.#lines?.flush();
    this.#emit({ type: 'job-completed', report, ...(wish === null ? {} : { wish }) });
  }

  #emit(content: Content): void {
    const { job, clock, emit } = this.#options;
    emit({ ...content, at: new Date(clock.now()).toISOString(), job });
  }
}

/** Of the step that is declared next. */
export function nextNumber({ steps }: JobEvents): number {
  return (steps.at(-1)?.number ?? 0) + 1;
}
