import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { Annotation } from '../protocol/report.ts';
import type { Masker } from '../steps/masker.ts';
import { MatcherSet } from '../steps/matcher-set.ts';
import { openStepLog } from '../steps/open-step-log.ts';
import { annotation } from '../steps/own-annotation.ts';
import type { LogSink, StepLog } from '../steps/step-log.ts';
import type { StepRecord } from '../steps/step-record.ts';
import type { JobEvents } from './job-events.ts';

export interface JobLogsOptions {
  readonly masker: Masker;
  readonly workspace: string;
  /** Step debug logging is on. */
  readonly debug: boolean;
  readonly events: JobEvents;
  readonly log: DiagnosticLog;
  /** May throw, as may what it returns. */
  readonly openSink: (number: number, name: string) => LogSink;
}

/** The logs of the steps of one job. They share masks and problem matchers. */
export class JobLogs {
  readonly #options: JobLogsOptions;
  readonly #matchers = new MatcherSet();

  constructor(options: JobLogsOptions) {
    this.#options = options;
  }

  /** A bound function: an `OpenLog`. */
  readonly open = (step: StepRecord, onAnnotation: (annotation: Annotation) => void): StepLog => {
    const { masker, workspace, debug } = this.#options;
    const sink = this.#sink(step, onAnnotation);
    return openStepLog({ masker, matchers: this.#matchers, sink, debug, workspace, onAnnotation });
  };

  /** A log that cannot be written (a full disk) is cut, and says so where it can be seen; the step goes on. */
  #sink(step: StepRecord, onAnnotation: (annotation: Annotation) => void): LogSink {
    const { events, masker, log, openSink } = this.#options;
    let sink: LogSink | null = null;
    const cut = (error: unknown): void => {
      sink = null;
      const message = masker.mask((error as Error).message);
      log.warn('the log of a step was cut', { step: step.number, error: message });
      onAnnotation(annotation('warning', `The log of this step was cut, because it could not be written: ${message}`));
    };
    try {
      sink = openSink(step.number, masker.mask(step.name));
    } catch (error) {
      cut(error);
    }
    return (lines) => {
      events.lines(step.number, lines);
      try {
        sink?.(lines);
      } catch (error) {
        cut(error);
      }
    };
  }
}
