import type { Annotation } from '../protocol/report.ts';

/** Where a step's finished output goes: whole lines, masked, valid UTF-8, each ended by `\n`. Called synchronously. */
export type LogSink = (lines: Buffer) => void;

/**
 * What may be written while a step runs. Everything is masked before it leaves the method. Lines are text of our own
 * or of the step; `output` also obeys workflow commands and problem matchers.
 */
export interface StepLog {
  /** Raw bytes of the step's process. */
  output(block: Buffer): void;
  /** One line of our own; a line break inside makes several. */
  line(text: string): void;
  /** `##[error]`, `##[warning]`, `##[notice]` line plus annotation. */
  annotate(annotation: Annotation): void;
  /** A line that is shown only when step debug logging is on (`##[debug]`). */
  debug(text: string): void;
  /** Lets go of an unterminated last line and what masking held back. No output may follow for this process. */
  flush(): void;
  /** The last whole line that was written, masked; null before the first. For "still waiting" lines and live views. */
  readonly lastLine: string | null;
}

/** A step's annotations beyond this many per level stay in the log only (GitHub's limit, runner-behaviour 3.4). */
export const MAX_ANNOTATIONS_PER_LEVEL = 10;
export const MAX_ANNOTATION_CHARACTERS = 4_096;
