import { isUtf8 } from 'node:buffer';
import { stripVTControlCharacters } from 'node:util';
import type { Annotation } from '../protocol/report.ts';
import { findCommandLine } from './find-command-line.ts';
import { LineSplitter, MAX_LINE_BYTES } from './line-splitter.ts';
import { LineMatching } from './match-lines.ts';
import { MAX_SLOW_LINES } from './matcher-set.ts';
import { matcherAnnotation } from './matcher-annotation.ts';
import type { CapturedCommands, StepOutput, StepOutputOptions } from './step-log.ts';
import { type CommandContext, WorkflowCommands } from './workflow-commands.ts';

/** What an output needs of the log that it writes to. */
export interface OutputTarget {
  /** Whole lines of UTF-8, not yet masked. */
  print(lines: Buffer): void;
  /** What `work` prints reaches the sink at once. */
  together(work: () => void): void;
  /** An annotation whose line was printed already. */
  report(annotation: Annotation): void;
  isFull(level: Annotation['level']): boolean;
  closeOutput(): void;
}

/**
 * The output of one process on its way to the log: split into lines, made valid UTF-8, searched for commands, then for
 * problems. Without a command's mark and a matcher a block goes on as it is, never as strings.
 */
export class WatchedOutput implements StepOutput {
  readonly #target: OutputTarget;
  readonly #context: CommandContext;
  readonly #commands: WorkflowCommands;
  readonly #matching: LineMatching;
  readonly #splitter: LineSplitter;
  /** What happens to the pieces of the long line that is coming. */
  #longLine: 'none' | 'printed' | 'dropped' = 'none';

  constructor(target: OutputTarget, context: CommandContext, options: StepOutputOptions) {
    this.#target = target;
    this.#context = context;
    this.#commands = new WorkflowCommands(context, options);
    this.#matching = new LineMatching(context.matchers);
    this.#splitter = new LineSplitter((lines) => this.#take(validUtf8(lines)), {
      cut: (line, limit) => this.#cut(line, limit),
      lookAheadBytes: () => context.masker.reachBytes,
      take: (piece, last) => this.#takePiece(validUtf8(piece), last),
    });
  }

  write(block: Buffer): void {
    this.#target.together(() => this.#splitter.write(block));
  }

  end(): CapturedCommands {
    this.#target.together(() => this.#splitter.end());
    this.#target.closeOutput();
    return this.#commands.captured;
  }

  /** A command acts before the line after it is looked at: a mask holds from there on, a matcher too. */
  #take(lines: Buffer): void {
    let from = 0;
    while (from < lines.length) {
      const found = findCommandLine(lines, from, this.#commands.isRegistered);
      if (found === null) break;
      if (found.start > from) this.#print(lines.subarray(from, found.start));
      if (!this.#commands.run(found.command, found.line)) this.#print(lines.subarray(found.start, found.end));
      from = found.end;
    }
    if (from < lines.length) this.#print(lines.subarray(from));
  }

  #print(lines: Buffer): void {
    if (this.#context.matchers.matchers.length === 0) {
      this.#target.print(lines);
      return;
    }
    const texts = lines.toString().split('\n').slice(0, -1).map(withoutColours);
    let line = 0;
    let from = 0;
    const { matched, removed } = this.#matching.match(texts);
    for (const match of matched) {
      const annotation = matcherAnnotation(match, this.#context.workspace);
      if (annotation === null) continue;
      let start = from;
      for (; line < match.index; line++) start = lines.indexOf(LINE_FEED, start) + 1;
      if (start > from) this.#target.print(lines.subarray(from, start));
      this.#target.print(Buffer.from(`##[${annotation.level}]${texts[line] ?? ''}\n`));
      this.#target.report(annotation);
      from = lines.indexOf(LINE_FEED, start) + 1;
      line++;
    }
    if (from < lines.length) this.#target.print(lines.subarray(from));
    for (const { owner } of removed) this.#context.log.annotate(removalWarning(owner));
  }

  /** Too long for a command. But what begins as a mask must not be printed for that. */
  #takePiece(piece: Buffer, last: boolean): void {
    if (this.#longLine === 'none') {
      this.#longLine = this.#commands.isMask(piece.toString('utf8', 0, MAX_COMMAND_HEAD_BYTES)) ? 'dropped' : 'printed';
      if (this.#longLine === 'dropped') this.#commands.fail('::add-mask::', TOO_LONG_FOR_A_MASK);
    }
    if (this.#longLine === 'printed' && piece.length > 0) this.#target.print(Buffer.concat([piece, LINE_BREAK]));
    if (last) this.#longLine = 'none';
    this.#matching.reset();
  }

  #cut(line: Buffer, limit: number): number {
    const spans = this.#context.masker.find(line);
    for (let at = 0; at < spans.length; at += 2) {
      const start = spans[at] as number;
      const end = spans[at + 1] as number;
      if (start < limit && end > limit) return start > 0 ? start : end;
    }
    let cut = limit;
    while (cut > limit - MAX_CONTINUATION_BYTES && ((line[cut] as number) & 0xc0) === 0x80) cut--;
    return cut;
  }
}

function validUtf8(bytes: Buffer): Buffer {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString());
}

function withoutColours(line: string): string {
  return line.includes('\u001b') || line.includes('\u009b') ? stripVTControlCharacters(line) : line;
}

function removalWarning(owner: string): Annotation {
  return {
    level: 'warning',
    message: `Removed the problem matcher '${owner}': it took too long for ${MAX_SLOW_LINES} lines.`,
    title: null,
    file: null,
    line: null,
    endLine: null,
    column: null,
    endColumn: null,
  };
}

const TOO_LONG_FOR_A_MASK = `A line of more than ${MAX_LINE_BYTES} bytes cannot be masked. It was left out of the log.`;
/** In this much of a line its command stands, if it is one. */
const MAX_COMMAND_HEAD_BYTES = 256;
/** Bytes of a character after its first. */
const MAX_CONTINUATION_BYTES = 3;
const LINE_FEED = 10;
const LINE_BREAK = Buffer.from('\n');
