import type { Annotation } from '../protocol/report.ts';
import type { Masker } from './masker.ts';
import { MaskStream } from './mask-stream.ts';
import type { MatcherSet } from './matcher-set.ts';
import {
  type LogSink,
  MAX_ANNOTATION_CHARACTERS,
  MAX_ANNOTATIONS_PER_LEVEL,
  type StepLog,
  type StepOutput,
  type StepOutputOptions,
} from './step-log.ts';
import { type OutputTarget, WatchedOutput } from './step-output.ts';

export interface StepLogOptions {
  /** The job's. */
  readonly masker: Masker;
  /** The job's. */
  readonly matchers: MatcherSet;
  readonly sink: LogSink;
  /** Step debug logging is on. */
  readonly debug: boolean;
  /** Absolute path: what commands name relatively is below it. */
  readonly workspace: string;
  /** The step's annotations, masked and within the limits, in order. */
  readonly onAnnotation: (annotation: Annotation) => void;
}

/**
 * The log of one step. It has nothing to close: what masking holds back goes to the sink when the last open output
 * ends.
 */
export function openStepLog(options: StepLogOptions): StepLog {
  return new MaskedStepLog(options);
}

class MaskedStepLog implements StepLog, OutputTarget {
  readonly #options: StepLogOptions;
  readonly #stream: MaskStream;
  readonly #annotationCounts = { error: 0, warning: 0, notice: 0 };
  readonly #deprecated = new Set<string>();
  #openOutputs = 0;
  /** What is printed while something is written `together`; null outside of it. */
  #collected: Buffer[] | null = null;
  #lastBlock: Buffer | null = null;
  #lastLine: string | null = null;

  constructor(options: StepLogOptions) {
    this.#options = options;
    this.#stream = new MaskStream(options.masker);
  }

  openOutput(options: StepOutputOptions): StepOutput {
    this.#openOutputs++;
    const { masker, matchers, workspace, debug } = this.#options;
    const context = { log: this, masker, matchers, workspace, debug, deprecated: this.#deprecated };
    return new WatchedOutput(this, context, options);
  }

  line(text: string): void {
    this.print(Buffer.from(`${text.replace(/\r\n?/g, '\n')}\n`));
    if (this.#openOutputs === 0) this.#send(this.#stream.end());
  }

  annotate(annotation: Annotation): void {
    this.line(`##[${annotation.level}]${annotation.message}`);
    this.report(annotation);
  }

  debug(text: string): void {
    if (this.#options.debug) this.line(text.replace(/^/gm, '##[debug]'));
  }

  get lastLine(): string | null {
    if (this.#lastBlock !== null) {
      const start = this.#lastBlock.lastIndexOf(LINE_FEED, this.#lastBlock.length - 2) + 1;
      const end = Math.min(this.#lastBlock.length - 1, start + MAX_LAST_LINE_BYTES);
      this.#lastLine = this.#lastBlock.toString('utf8', start, end);
      this.#lastBlock = null;
    }
    return this.#lastLine;
  }

  print(lines: Buffer): void {
    this.#send(this.#stream.push(lines));
  }

  together(work: () => void): void {
    this.#collected = [];
    try {
      work();
    } finally {
      const parts = this.#collected;
      this.#collected = null;
      this.#sendAll(parts);
    }
  }

  report(annotation: Annotation): void {
    if (this.isFull(annotation.level)) return;
    this.#annotationCounts[annotation.level]++;
    const { message, title, file } = annotation;
    this.#options.onAnnotation({
      ...annotation,
      message: this.#masked(message),
      title: title === null ? null : this.#masked(title),
      file: file === null ? null : this.#masked(file),
    });
  }

  isFull(level: Annotation['level']): boolean {
    return this.#annotationCounts[level] >= MAX_ANNOTATIONS_PER_LEVEL;
  }

  closeOutput(): void {
    this.#openOutputs--;
    if (this.#openOutputs > 0) return;
    this.#send(this.#stream.end());
    // A finished step must not keep a block for the sake of its last line.
    this.#lastLine = this.lastLine;
  }

  #send(lines: Buffer): void {
    if (lines.length === 0) return;
    if (this.#collected !== null) {
      this.#collected.push(lines);
      return;
    }
    this.#lastBlock = lines;
    this.#options.sink(lines);
  }

  /** Small parts together, since a sink may cost a system call; large ones as they are, since copying costs more. */
  #sendAll(parts: readonly Buffer[]): void {
    let small: Buffer[] = [];
    const sendSmall = (): void => {
      this.#send(small.length === 1 ? (small[0] as Buffer) : Buffer.concat(small));
      small = [];
    };
    for (const part of parts) {
      if (part.length < LARGE_PART_BYTES) {
        small.push(part);
        continue;
      }
      sendSmall();
      this.#send(part);
    }
    sendSmall();
  }

  /** Masked first: a cut through a secret would show its beginning. */
  #masked(text: string): string {
    const masked = this.#options.masker.mask(text);
    if (masked.length <= MAX_ANNOTATION_CHARACTERS) return masked;
    return masked.slice(0, MAX_ANNOTATION_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '');
  }
}

/** Enough for any place that shows it. */
const MAX_LAST_LINE_BYTES = 4_096;
const LARGE_PART_BYTES = 16_384;
const LINE_FEED = 10;
