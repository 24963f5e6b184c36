import type { DiagnosticFields } from '../../kernel/diagnostic-log.ts';

/** What the store counts and measures, in the words of `/metrics`. */
export interface StoreMetric {
  readonly kind: 'count' | 'observe';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Added to a counter; seconds, or a number of things, for an observation. */
  readonly value: number;
}

/** What an operation has to say to whoever runs the server. */
export interface StoreNote {
  readonly message: string;
  readonly fields: DiagnosticFields;
}

/** Operations that shared a commit. */
export const OPS_PER_COMMIT = 'ops_per_commit';
/** From the first statement of a batch until it is durable. */
export const DB_COMMIT_SECONDS = 'db_commit_seconds';
/** Changes of an attempt's state that the database refused; labels `from` and `to`. */
export const ILLEGAL_TRANSITION_TOTAL = 'illegal_transition_total';
/** Operations run again because another one was in the way. */
export const DB_RETRIES_TOTAL = 'db_retries_total';
