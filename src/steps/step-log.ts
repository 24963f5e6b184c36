import type { Annotation } from '../protocol/report.ts';

/** Where a step's finished output goes: whole lines, masked, valid UTF-8, each ended by `\n`. Called synchronously. */
export type LogSink = (lines: Buffer) => void;

/**
 * What may be written while a step runs. Everything is masked before it leaves the method. Lines are text of our own
 * or of the step; `output` also obeys workflow commands and problem matchers.
 */
export interface StepLog {
  /**
   * Takes the output of one process: workflow commands and problem matchers act on it. Each process of a step has its
   * own (a composite action has one for each inner step), so that stop tokens and captured commands stay apart.
   */
  openOutput(options: StepOutputOptions): StepOutput;
  /** One line of our own; a line break inside makes several. */
  line(text: string): void;
  /** `##[error]`, `##[warning]`, `##[notice]` line plus annotation. */
  annotate(annotation: Annotation): void;
  /** A line that is shown only when step debug logging is on (`##[debug]`). */
  debug(text: string): void;
  /** The last whole line that was written, masked; null before the first. For "still waiting" lines and live views. */
  readonly lastLine: string | null;
}

export interface StepOutputOptions {
  /** `ACTIONS_ALLOW_UNSECURE_COMMANDS` in the step's environment: `set-env` and `add-path` act. */
  readonly allowUnsecureCommands: boolean;
  /** `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS`. */
  readonly allowUnsecureStopTokens: boolean;
}

export interface StepOutput {
  /**
   * Raw bytes in the order they were written; any split, also inside a character or a secret. The block becomes the
   * log's: it is masked in place and may go on to the sink as it is, so neither read nor write it afterwards.
   */
  write(block: Buffer): void;
  /** Lets go of an unterminated last line and of what masking held back. Call once, after the last block. */
  end(): CapturedCommands;
}

/** What the workflow commands of one process asked for. File commands are read elsewhere and take precedence. */
export interface CapturedCommands {
  readonly outputs: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, string>;
  readonly env: ReadonlyMap<string, string>;
  readonly path: readonly string[];
  /** True when a command was malformed or refused: the step fails even with exit code 0. */
  readonly failed: boolean;
}

/** A step's annotations beyond this many per level stay in the log only (GitHub's limit, runner-behaviour 3.4). */
export const MAX_ANNOTATIONS_PER_LEVEL = 10;
export const MAX_ANNOTATION_CHARACTERS = 4_096;
