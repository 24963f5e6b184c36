import type { Diagnostic, Position, Severity } from '../protocol/diagnostic.ts';
import type { DiagnosticRule } from './diagnostic-rules.ts';

/** A part of the text, in UTF-16 code units; `end` is the first one after it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What is shown of a file that is wrong everywhere. */
export const MAX_DIAGNOSTICS = 100;

/** Collects what is wrong with one file and knows where its lines are. */
export class ProblemList {
  readonly #file: string;
  readonly #text: string;
  readonly #lineStarts: readonly number[];
  readonly #seen = new Set<string>();
  readonly #found: { readonly start: number; readonly diagnostic: Diagnostic }[] = [];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#lineStarts = lineStartsOf(text);
  }

  error(rule: DiagnosticRule, span: Span, message: string): void {
    this.#add('error', rule, span, message);
  }

  warning(rule: DiagnosticRule, span: Span, message: string): void {
    this.#add('warning', rule, span, message);
  }

  get hasErrors(): boolean {
    return this.#found.some(isError);
  }

  position(offset: number): Position {
    const start = Math.min(Math.max(offset, 0), this.#text.length);
    const index = this.#lineIndex(start);
    return { file: this.#file, line: index + 1, column: start - (this.#lineStarts[index] ?? 0) + 1 };
  }

  /** In the order of the file; of two at one place the one found first. At most {@link MAX_DIAGNOSTICS} and one more. */
  inOrder(): readonly Diagnostic[] {
    // Where something is wrong, what it might mean is no matter.
    const wrong = new Set(this.#found.filter(isError).map(({ start }) => start));
    const told = this.#found.filter((found) => isError(found) || !wrong.has(found.start));
    const sorted = told.toSorted((a, b) => a.start - b.start).map(({ diagnostic }) => diagnostic);
    if (sorted.length <= MAX_DIAGNOSTICS) return sorted;
    // Errors first: a file must not look like one with warnings only.
    const kept = new Set(
      sorted
        .toSorted((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'))
        .slice(0, MAX_DIAGNOSTICS),
    );
    const left = sorted.filter((diagnostic) => !kept.has(diagnostic));
    const [first] = left;
    if (!first) return sorted;
    const severity = left.some((diagnostic) => diagnostic.severity === 'error') ? 'error' : 'warning';
    const message = `${left.length} more problems in this file are not shown`;
    return [
      ...sorted.filter((diagnostic) => kept.has(diagnostic)),
      { ...first, severity, message, rule: 'too-many-problems' },
    ];
  }

  #add(severity: Severity, rule: DiagnosticRule, span: Span, message: string): void {
    // What stands behind an alias is checked in each place that it is put in.
    const identity = `${span.start} ${message}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    const position = this.position(span.start);
    const lineStart = this.#lineStarts[position.line - 1] ?? 0;
    const lineEnd = (this.#lineStarts[position.line] ?? this.#text.length + 1) - 1;
    const line = this.#text.slice(lineStart, lineEnd).trimEnd();
    const length = Math.max(1, Math.min(span.end, lineStart + line.length) - span.start);
    this.#found.push({ start: span.start, diagnostic: { severity, message, ...position, length, rule } });
  }

  #lineIndex(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function isError({ diagnostic }: { readonly diagnostic: Diagnostic }): boolean {
  return diagnostic.severity === 'error';
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) starts.push(index + 1);
  return starts;
}
