import type { LogSink } from '../steps/step-log.ts';
import type { RunEvent } from '../protocol/events.ts';
import type { EventsWriter } from './events-writer.ts';
import type { LogDirectory } from './log-directory.ts';
import { maskJobReport, maskStepReport, type TextMask } from './mask-report.ts';
import type { RunModel } from './run-model.ts';
import type { RunView } from './run-view.ts';

export interface RecorderParts {
  readonly model: RunModel;
  readonly view: RunView;
  readonly events: EventsWriter | null;
  readonly logs: LogDirectory | null;
  /** Hides the secrets of the command line. */
  readonly mask: TextMask;
}

/** The one place where what happens in a run becomes what is kept and shown of it. */
export class RunRecorder {
  readonly #parts: RecorderParts;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  emit(event: RunEvent): void {
    const { model, view, events, logs } = this.#parts;
    const masked = this.#masked(event);
    // The model first: the view reads it. Logs of a step are complete when its end is told.
    model.apply(masked);
    if (masked.type === 'job-started') logs?.openJob(masked.job);
    view.event(masked);
    events?.write(masked);
    if (masked.type === 'step' && masked.state === 'completed') logs?.closeStep(masked.job, masked.step.number);
  }

  /** The sink of one step's log: its file, the view, and the last lines for the summary. Masked by the worker. */
  openLog(job: string, step: number, name: string): LogSink {
    const { model, view, logs } = this.#parts;
    const file = logs?.openStep(job, step, this.#parts.mask.mask(name));
    return (lines) => {
      file?.write(lines);
      model.output(job, step, lines);
      view.output(job, step, lines);
    };
  }

  /** A sentence for the person who watches. */
  notice(text: string): void {
    this.#parts.view.notice(this.#parts.mask.mask(text));
  }

  /** Nothing is shown any more. */
  end(): void {
    this.#parts.view.end();
  }

  #masked(event: RunEvent): RunEvent {
    const { mask } = this.#parts;
    switch (event.type) {
      case 'run-started':
        return {
          ...event,
          workflow: { ...event.workflow, name: mask.mask(event.workflow.name) },
          jobs: event.jobs.map((job) => ({ ...job, name: mask.mask(job.name) })),
        };
      case 'job-queued':
      case 'job-started':
        return { ...event, name: mask.mask(event.name) };
      case 'step':
        return { ...event, step: maskStepReport(event.step, mask) };
      case 'job-completed':
        return { ...event, report: maskJobReport(event.report, mask) };
      case 'waiting':
        return event.name === undefined ? event : { ...event, name: mask.mask(event.name) };
      // Masked where they were made, by everything that is known there.
      case 'log':
      case 'annotation':
      case 'flow-request':
      case 'run-paused':
      case 'run-completed':
        return event;
    }
  }
}
