import { type Kysely, sql } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Database } from '../database.ts';
import type { Operation, ServerSettings, WakeTopic } from '../operation.ts';
import { OPERATIONS, READS } from '../operations.ts';
import type { Store } from '../store.ts';
import { classifyFailure } from './database-failure.ts';
import { claimSqlite } from './claim-sqlite.ts';
import { DatabaseOpenError } from './database-open-error.ts';
import { databasePlace, dialectOf } from './dialect.ts';
import { ensureIncarnation } from './incarnation.ts';
import { migrate } from './migrations.ts';
import { type LaneGroup, OperationHost } from './operation-host.ts';
import type { OperationTable } from './operation-table.ts';
import { openPostgres } from './open-postgres.ts';
import { openSqlite } from './open-sqlite.ts';
import type { StoreMetric, StoreNote } from './store-metric.ts';
import { refuseUnfinishedRestore } from './unfinished-restore.ts';
import { WakeRelay } from './wake-relay.ts';

export interface StoreOptions {
  /** `:memory:`, a path, or `postgres://…`. */
  readonly database: string;
  readonly clock: Clock;
  /** Names this server among those that share the database. */
  readonly node: string;
  readonly settings: ServerSettings;
  /** 16 lower-case letters and digits, never the same again. */
  readonly randomId: () => string;
  readonly onMetric?: (metric: StoreMetric) => void;
  /** What operations have to say, for the diagnostic log. */
  readonly onNote?: (note: StoreNote) => void;
  /** Errors that are bugs, and the database coming and going; no value of the database is in it. */
  readonly onTrouble?: (message: string) => void;
  /** Called before a commit and after it, before anybody is answered. */
  readonly onCommit?: (moment: 'before' | 'after') => void;
  /** Default: all that the server has. */
  readonly table?: OperationTable;
  /** See `OperationHost`; default: a turn of the microtasks. */
  readonly gather?: (before: number) => Promise<void>;
}

/** A store in the calling thread. */
export interface InProcessStore extends Store {
  /** Runs an operation that no table has, as {@link Store.execute} does. */
  perform<Input, Output>(operation: Operation<Input, Output>, input: Input): Promise<ApiResult<Output>>;
  /** The database itself, to look into. */
  readonly db: Kysely<Database>;
}

/**
 * Transactions at a time on PostgreSQL: one runs its statements while the other is made durable. More of them meet each
 * other's locks more often than they gain.
 */
const WRITE_LANES = 2;
const READ_LANES = 4;

/** Operations that share a commit at most: the first of them waits for the last, and on PostgreSQL so do other servers. */
const MAX_BATCH = { sqlite: 128, postgres: 32 };

const SQLITE_COMMANDS = {
  begin: 'begin immediate; savepoint operation',
  next: 'release savepoint operation; savepoint operation',
  undo: 'rollback to savepoint operation',
};

/** How long the first operation of a transaction waits for a row that others have: they may be slow, or deadlocked. */
const LOCK_WAIT_MS = 1_000;

/** And those after it. The shortest there is: 0 would be for ever. */
const LOCK_GLANCE_MS = 1;

const POSTGRES_COMMANDS = {
  begin: `begin; set local lock_timeout = ${LOCK_WAIT_MS}; savepoint operation`,
  next: `release savepoint operation; set local lock_timeout = ${LOCK_GLANCE_MS}; savepoint operation`,
  undo: 'rollback to savepoint operation',
};

/**
 * Opens the database, brings its schema up to date, and runs operations in the calling thread. On SQLite only microtasks
 * lie between question and answer.
 * @throws DatabaseOpenError, NewerSchemaError
 */
export async function openStoreInProcess(options: StoreOptions): Promise<InProcessStore> {
  const { database, clock } = options;
  const dialect = dialectOf(database);
  const onTrouble = options.onTrouble ?? nothing;
  const table = options.table ?? { operations: OPERATIONS, reads: READS };
  const opened: Kysely<Database>[] = [];
  const open = async (): Promise<Kysely<Database>> => {
    const db =
      dialect === 'sqlite'
        ? await openSqlite(database)
        : await openPostgres(database, {
            connections: WRITE_LANES + READ_LANES,
            onIdleError: (error) => onTrouble(`an idle connection to the database broke: ${error.message}`),
          });
    opened.push(db);
    return db;
  };
  let release = nothing;
  const closeAll = async (): Promise<void> => {
    for (const db of opened) await db.destroy();
    release();
  };
  try {
    if (dialect === 'sqlite' && database !== ':memory:') {
      release = await claimSqlite(database);
      await refuseUnfinishedRestore(database, null);
    }
    const db = await open();
    if (dialect === 'postgres') await refuseUnfinishedRestore(database, db);
    await migrate(db, dialect, clock.now());
    await ensureIncarnation(db, options.randomId());
    const reader = dialect === 'sqlite' && database !== ':memory:' ? await open() : null;
    const listeners = new Set<(topics: readonly WakeTopic[]) => void>();
    const tell = (topics: readonly WakeTopic[]): void => {
      for (const listener of listeners) listener(topics);
    };
    const relay =
      dialect === 'sqlite'
        ? null
        : new WakeRelay({
            url: database,
            clock,
            id: `${options.node}.${options.randomId()}`.replaceAll(' ', ''),
            onTopics: tell,
            everything: () => everyQueue(db),
            onError: (message) => onTrouble(`other servers cannot be heard: ${message}`),
          });
    await relay?.open();
    const host = new OperationHost({
      ...laneGroups(db, reader, dialect === 'postgres'),
      sources: { ...options, locks: dialect === 'postgres', now: () => clock.now() },
      clock,
      gather: options.gather ?? (() => Promise.resolve()),
      onTopics: (topics) => {
        tell(topics);
        relay?.tell(topics);
      },
      onMetric: options.onMetric ?? nothing,
      onNote: options.onNote ?? nothing,
      onCommit: options.onCommit ?? nothing,
      onBug: (name, error) => onTrouble(`operation '${name}' failed: ${stackOf(error)}`),
      onReachable: (reachable, message) =>
        onTrouble(reachable ? 'the database can be used again' : `the database cannot be used: ${message}`),
    });
    let closing: Promise<void> | null = null;
    const close = async (): Promise<void> => {
      await host.close();
      await relay?.close();
      await closeAll();
    };
    return {
      db,
      execute: (name, input) =>
        host.execute(name, operationOf(table, name), input, table.reads.includes(name)) as Promise<never>,
      perform: (operation, input) => host.execute(operation.name, operation, input, false) as Promise<never>,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await closeAll();
    throw openingError(database, error);
  }
}

function operationOf(table: OperationTable, name: string): Operation<never, unknown> {
  return table.operations[name] ?? (() => Promise.reject(new RangeError(`there is no operation '${name}'`)));
}

function laneGroups(
  db: Kysely<Database>,
  reader: Kysely<Database> | null,
  postgres: boolean,
): { readonly writes: LaneGroup; readonly reads: LaneGroup | null } {
  if (postgres) {
    const begin = 'begin isolation level repeatable read read only; savepoint operation';
    return {
      writes: { db, lanes: WRITE_LANES, maxBatch: MAX_BATCH.postgres, commands: POSTGRES_COMMANDS },
      reads: { db, lanes: READ_LANES, maxBatch: 1, commands: { ...POSTGRES_COMMANDS, begin } },
    };
  }
  const begin = 'begin; savepoint operation';
  return {
    writes: { db, lanes: 1, maxBatch: MAX_BATCH.sqlite, commands: SQLITE_COMMANDS },
    reads:
      reader === null
        ? null
        : { db: reader, lanes: 1, maxBatch: MAX_BATCH.sqlite, commands: { ...SQLITE_COMMANDS, begin } },
  };
}

/** What another server may have changed while it was not heard. */
async function everyQueue(db: Kysely<Database>): Promise<readonly WakeTopic[]> {
  try {
    const { rows } = await sql<{ id: number }>`select id from label_set`.execute(db);
    return ['timers', ...rows.map(({ id }): WakeTopic => `queue:${id}`)];
  } catch {
    // The database is what is gone: nothing has changed in it either.
    return ['timers'];
  }
}

function openingError(database: string, error: unknown): unknown {
  const failure = classifyFailure(error);
  if (failure.kind !== 'unreachable') return error;
  const wayOut =
    dialectOf(database) === 'postgres'
      ? 'Start it, or name another with --database.'
      : 'Make the folder writable, or name another with --database.';
  return new DatabaseOpenError(
    `The database ${databasePlace(database)} cannot be opened: ${failure.message}. ${wayOut}`,
    error,
  );
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const nothing = (): void => undefined;
