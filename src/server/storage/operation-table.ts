import type { Operation } from '../operation.ts';

/** Operations by name, and the names of those that write nothing. */
export interface OperationTable {
  readonly operations: Readonly<Record<string, Operation<never, unknown>>>;
  readonly reads: readonly string[];
}
