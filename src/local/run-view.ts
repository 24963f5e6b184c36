import type { RunEvent } from '../protocol/events.ts';

/** What shows a run to a person while it goes on. Reads the run's model, which has seen each event before it. */
export interface RunView {
  event(event: RunEvent): void;
  /** Finished output of a step: whole lines, masked. Called synchronously, must not keep the buffer. */
  output(job: string, step: number, lines: Buffer): void;
  /** A sentence of ours, such as what the next Ctrl-C will do. */
  notice(text: string): void;
  /** Nothing is shown after this; the terminal is as it was. Any number of times. */
  end(): void;
}
