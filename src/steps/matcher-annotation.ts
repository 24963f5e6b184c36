import { statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Annotation } from '../protocol/report.ts';
import { relativeToWorkspace, wholeNumber } from './command-annotation.ts';
import type { MatchedLine } from './match-lines.ts';

/**
 * The annotation for a line that a problem matcher recognised; null when it captured no message or an unknown severity,
 * and the line is just a line. A file that does not exist or is outside of the workspace is dropped: a page could not
 * link to it.
 */
export function matcherAnnotation({ matcher, captured }: MatchedLine, workspace: string): Annotation | null {
  const level = LEVELS[(captured.severity || matcher.severity || 'error').toLowerCase()];
  const message = captured.message ?? '';
  if (level === undefined || message === '') return null;
  return {
    level,
    message,
    title: null,
    file: findFile(captured.file ?? '', captured.fromPath || matcher.fromPath, workspace),
    line: wholeNumber(captured.line),
    endLine: null,
    column: wholeNumber(captured.column),
    endColumn: null,
  };
}

/** Looked up beside `fromPath`, if there is one, and from the workspace on. */
function findFile(file: string, fromPath: string | null, workspace: string): string | null {
  if (file.trim() === '' || file.includes('\0')) return null;
  const path = resolve(workspace, fromPath === null ? '' : dirname(fromPath), file);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const relative = relativeToWorkspace(path, workspace);
  return isAbsolute(relative) ? null : relative;
}

const LEVELS: Readonly<Record<string, Annotation['level']>> = { error: 'error', warning: 'warning', notice: 'notice' };
