import { open } from 'node:fs/promises';
import { Kysely } from 'kysely';
import type Libsql from 'libsql';
import type { Database } from '../database.ts';
import { LibsqlDialect } from './libsql-dialect.ts';

/** Milliseconds a statement waits for another process, such as a backup, that has the database locked. */
const BUSY_TIMEOUT_MS = 5_000;

/** Pages of the write-ahead log after which it is written back: 16 MiB, so that a commit seldom pays for it. */
const CHECKPOINT_PAGES = 4_000;

/**
 * A database in a file that is made when it is missing, or `:memory:`. What is committed survives a power cut.
 * @throws the driver's error when it cannot be opened or is no database.
 */
export async function openSqlite(path: string): Promise<Kysely<Database>> {
  const database = await connectSqlite(path);
  try {
    if (path !== ':memory:') database.prepare('pragma journal_mode = wal').all();
    for (const setting of [
      'synchronous = full',
      'foreign_keys = on',
      `busy_timeout = ${BUSY_TIMEOUT_MS}`,
      `wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
      'temp_store = memory',
      'cache_size = -65536',
    ])
      database.exec(`pragma ${setting}`);
  } catch (error) {
    database.close();
    throw error;
  }
  return new Kysely<Database>({ dialect: new LibsqlDialect(database) });
}

/**
 * A connection to a file, which is made when it is missing, for its owner alone.
 * @throws an error with code `SQLITE_CANTOPEN`: the package says what is wrong in words of its own.
 */
export async function connectSqlite(path: string): Promise<Libsql.Database> {
  const { default: Driver } = await import('libsql');
  try {
    if (path !== ':memory:') await makePrivate(path);
    return new Driver(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw Object.assign(new Error('its folder is missing or closed to us', { cause: error }), {
      code: 'SQLITE_CANTOPEN',
    });
  }
}

/** An empty file is an empty database; what SQLite puts beside it has the mode of the database. */
async function makePrivate(path: string): Promise<void> {
  const file = await open(path, 'a', 0o600);
  await file.close();
}
