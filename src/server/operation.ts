import type { DatabaseConnection, Kysely } from 'kysely';
import type { DiagnosticFields } from '../kernel/diagnostic-log.ts';
import type { ApiErrorCode, ApiErrorReason } from '../protocol/api-error.ts';
import type { Database } from './database.ts';
import type { RunStates } from './run-states.ts';

/**
 * One thing the server does to its database: the unit that is committed. Written once for both databases and for the
 * simulation; it sees the database and what the context gives it, no clock, no randomness, no file, no network of its
 * own. It may be run again when the commit did not succeed, so all that it changes beside the database goes through the
 * context. Input and output are plain JSON: they cross threads.
 */
export type Operation<Input, Output> = (context: OperationContext, input: Input) => Promise<Output>;

export interface OperationContext {
  readonly db: Kysely<Database>;
  /** What `db` speaks through, for statements that are compiled once: the way through Kysely costs as much as they do. */
  readonly connection: DatabaseConnection;
  /** True on PostgreSQL: rows that others may change at the same time are locked (`forUpdate`, `skipLocked`). */
  readonly locks: boolean;
  /** The server's clock, milliseconds since the epoch; the same during an operation. */
  readonly now: number;
  /** Names this server among those that share the database. */
  readonly node: string;
  /** 16 lower-case letters and digits, never the same again. */
  randomId(): string;
  /** Told to every server after the commit, and only then; equal ones are told once. */
  wake(topic: WakeTopic): void;
  /** Counted after the commit: illegal transitions, duplicates, gaps. Labels are few. */
  count(metric: string, labels?: Readonly<Record<string, string>>): void;
  /** Measured after the commit: seconds, or a number of things. */
  readonly observe: (metric: string, value: number) => void;
  /** Said in the diagnostic log after the commit, with the ids it is about: `run`, `job`, `attempt`, `step`. */
  readonly note: (message: string, fields: DiagnosticFields) => void;
  /** Flow states in memory, guarded by the run's version. */
  readonly runs: RunStates;
  readonly settings: ServerSettings;
}

/** What waits may be over: polls, viewers and the sweeper look again. */
export type WakeTopic =
  /** Something can be offered to sessions that match this label set. */
  | `queue:${number}`
  /** A cancellation, a removal, a pause: the session's poll is to be answered. */
  | `session:${string}`
  /** New rows in `event` for this run. */
  | `run:${number}`
  /** Bytes for this attempt's logs. */
  | `log:${string}`
  /** The next due time may have moved. */
  | 'timers';

/** What operations go by of the configuration; durations in milliseconds. */
export interface ServerSettings {
  readonly leaseMs: number;
  readonly offerMs: number;
  readonly lostAfterMs: number;
  readonly maxAttempts: number;
  readonly maxJobs: number;
  /** Runs that are not trusted go to groups of runners that are there for them, and to no others. */
  readonly isolateUntrusted: boolean;
  readonly sessionTokenMs: number;
  readonly publicUrl: string;
  /** `github.server_url`, and where `OWNER/NAME` is cloned from. */
  readonly baseUrl: string;
}

/** Thrown by an operation to refuse: what it changed is undone, the caller gets the error as a value. */
export class Refusal extends Error {
  readonly code: ApiErrorCode;
  readonly reason: ApiErrorReason | null;
  readonly detail: Readonly<Record<string, unknown>> | null;

  constructor(
    code: ApiErrorCode,
    reason: ApiErrorReason | null,
    message: string,
    detail: Readonly<Record<string, unknown>> | null = null,
  ) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }
}
