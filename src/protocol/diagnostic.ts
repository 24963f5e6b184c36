/** A place in a file. `line` and `column` count from 1; a column counts UTF-16 code units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Severity = 'error' | 'warning';

/** One thing wrong with a file. Printed as `FILE:LINE:COLUMN: SEVERITY: MESSAGE`. */
export interface Diagnostic {
  readonly severity: Severity;
  /** One sentence that names the thing, what was expected, and the way out. */
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Length of the offending text on its line, for the caret; at least 1. */
  readonly length: number;
  /** Stable kebab-case rule name, such as `unknown-key`; the SARIF rule id. */
  readonly rule: string;
}
