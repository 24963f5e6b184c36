import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Annotation } from '../protocol/report.ts';
import type { WorkflowCommand } from './parse-workflow-command.ts';

/** The annotation that an `error`, `warning` or `notice` command asks for, its place made consistent. */
export function commandAnnotation(
  level: Annotation['level'],
  { properties, data }: WorkflowCommand,
  workspace: string,
): Annotation {
  const file = properties.get('file') ?? null;
  return {
    level,
    message: data,
    title: properties.get('title') ?? null,
    file: file === null ? null : relativeToWorkspace(file, workspace),
    ...fixPlace({
      line: wholeNumber(properties.get('line')),
      endLine: wholeNumber(properties.get('endline')),
      column: wholeNumber(properties.get('col')),
      endColumn: wholeNumber(properties.get('endcolumn')),
    }),
  };
}

export type Place = Pick<Annotation, 'line' | 'endLine' | 'column' | 'endColumn'>;

/**
 * An end alone is a start too; columns need a line, and one line only; what ends before it starts is dropped (source:
 * runner-behaviour 2.10).
 */
export function fixPlace(place: Place): Place {
  const { endLine, endColumn } = place;
  const line = place.line ?? endLine;
  const column = place.column ?? endColumn;
  const hasColumns = line !== null && (endLine === null || endLine === line);
  return {
    ...(line !== null && endLine !== null && endLine < line ? { line: null, endLine: null } : { line, endLine }),
    ...(hasColumns && !(column !== null && endColumn !== null && endColumn < column)
      ? { column, endColumn }
      : { column: null, endColumn: null }),
  };
}

/** With forward slashes when it is below the workspace; else as given. */
export function relativeToWorkspace(file: string, workspace: string): string {
  if (!isAbsolute(file)) return file.split(sep).join('/');
  const path = relative(resolve(workspace), resolve(file));
  return path === '' || path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)
    ? file
    : path.split(sep).join('/');
}

/** Null for what is no whole number, as if the property were missing. */
export function wholeNumber(text: string | undefined): number | null {
  const number = /^\s*[+-]?\d+\s*$/.test(text ?? '') ? Number(text) : NaN;
  return Number.isSafeInteger(number) ? number : null;
}
