import type { ApiResult } from '../protocol/api-error.ts';
import type { WakeTopic } from './operation.ts';
import type { OperationInput, OperationName, OperationOutput } from './operations.ts';

/**
 * Runs operations, off the thread that asks. Those that come while a commit is under way share the next one; one that
 * refuses is undone alone. An answer is given after the commit that holds it, never before. While the database cannot be
 * reached, operations fail with `unavailable` and the reason `database`.
 */
export interface Store {
  execute<Name extends OperationName>(
    name: Name,
    input: OperationInput<Name>,
  ): Promise<ApiResult<OperationOutput<Name>>>;
  /** Topics of every commit of every server on this database. The returned function ends it. */
  subscribe(listener: (topics: readonly WakeTopic[]) => void): () => void;
  /** Commits what was asked for, then closes. */
  close(): Promise<void>;
}
