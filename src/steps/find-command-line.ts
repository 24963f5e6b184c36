import { parseWorkflowCommand, type WorkflowCommand } from './parse-workflow-command.ts';

export interface CommandLine {
  readonly command: WorkflowCommand;
  readonly line: string;
  /** Where the line begins, and where the next one does. */
  readonly start: number;
  readonly end: number;
}

/**
 * The first line at or after `from` that is a command; null when there is none. Looks for the two marks in the bytes:
 * most lines never become a string.
 *
 * @param lines whole lines of UTF-8; `from` is a line's start
 */
export function findCommandLine(
  lines: Buffer,
  from: number,
  isRegistered: (name: string) => boolean,
): CommandLine | null {
  let colons = nextColons(lines, from);
  let brackets = nextBrackets(lines, from);
  while (colons < lines.length || brackets < lines.length) {
    const start = Math.min(colons, brackets);
    const end = lines.indexOf(LINE_FEED, start) + 1;
    const line = lines.toString('utf8', start, end - 1);
    const command = parseWorkflowCommand(line, isRegistered);
    if (command !== null) return { command, line, start, end };
    if (colons < end) colons = nextColons(lines, end);
    if (brackets < end) brackets = nextBrackets(lines, end);
  }
  return null;
}

/** The start of the next line that begins with `::` after blanks; all bytes when there is none. */
function nextColons(lines: Buffer, from: number): number {
  let at = lines.indexOf(COLONS, from);
  while (at >= 0) {
    const start = lineStart(lines, at, from);
    if (isBlank(lines, start, at)) return start;
    // Only the first mark of a line can be at its start.
    at = lines.indexOf(COLONS, lines.indexOf(LINE_FEED, at));
  }
  return lines.length;
}

function nextBrackets(lines: Buffer, from: number): number {
  const at = lines.indexOf(BRACKET, from);
  return at < 0 ? lines.length : lineStart(lines, at, from);
}

function lineStart(lines: Buffer, at: number, from: number): number {
  return at === from ? from : Math.max(from, lines.lastIndexOf(LINE_FEED, at - 1) + 1);
}

/** Blanks beyond ASCII count too: whoever has them at a line's start pays for the string. */
function isBlank(lines: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = lines[at] as number;
    if (byte >= 128) return lines.toString('utf8', start, end).trim() === '';
    if (byte !== 32 && (byte < 9 || byte > 13)) return false;
  }
  return true;
}

const COLONS = Buffer.from('::');
const BRACKET = Buffer.from('##[');
const LINE_FEED = 10;
