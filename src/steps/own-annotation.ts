import type { Annotation } from '../protocol/report.ts';

/** An annotation of our own: about a step as a whole, not about a place in a file. */
export function annotation(level: Annotation['level'], message: string): Annotation {
  return { level, message, title: null, file: null, line: null, endLine: null, column: null, endColumn: null };
}
