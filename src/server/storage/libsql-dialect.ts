import {
  type CompiledQuery,
  CompiledQuery as Compiled,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type Libsql from 'libsql';

/** Statements kept prepared; the server has some hundred different ones. */
const MAX_STATEMENTS = 500;

/** Commands with a semicolon between them, which is not one in a text, in a name or at the end. */
const SEVERAL_COMMANDS = /^(?:[^;'"]|'[^']*'|"[^"]*")*;\s*\S/;

/**
 * Kysely on one connection of the synchronous `libsql` package: a statement is over when its call returns, so nothing
 * but microtasks lies between question and answer. Whoever uses it sees to it that transactions do not overlap.
 */
export class LibsqlDialect implements Dialect {
  readonly #database: Libsql.Database;

  constructor(database: Libsql.Database) {
    this.#database = database;
  }

  createDriver(): Driver {
    return new LibsqlDriver(this.#database);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new SqliteAdapter();
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    // Kysely's introspection asks for a database of any shape.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    return new SqliteIntrospector(db as Kysely<any>);
  }
}

class LibsqlDriver implements Driver {
  readonly #database: Libsql.Database;
  readonly #connection: LibsqlConnection;

  constructor(database: Libsql.Database) {
    this.#database = database;
    this.#connection = new LibsqlConnection(database);
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(Compiled.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(Compiled.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(Compiled.raw('rollback'));
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    this.#connection.forget();
    this.#database.close();
    return Promise.resolve();
  }
}

interface Prepared {
  readonly statement: Libsql.Statement;
  readonly reads: boolean;
}

class LibsqlConnection implements DatabaseConnection {
  readonly #database: Libsql.Database;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: Libsql.Database) {
    this.#database = database;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- it answers at once, and rejects instead of throwing
  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    if (parameters.length === 0 && SEVERAL_COMMANDS.test(sql)) {
      this.#database.exec(sql);
      return { rows: [] };
    }
    const { statement, reads } = this.#prepare(sql);
    const values = parameters.map(bindable);
    if (reads) return { rows: statement.all(values) as Row[] };
    const { changes, lastInsertRowid } = statement.run(values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    await Promise.reject(new Error('streaming is not used: pages are asked for instead'));
  }

  forget(): void {
    this.#prepared.clear();
  }

  /** The least recently used goes first. */
  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) {
      this.#prepared.delete(sql);
      this.#prepared.set(sql, known);
      return known;
    }
    const statement = this.#database.prepare(sql);
    const prepared = { statement, reads: statement.reader };
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > MAX_STATEMENTS)
      for (const oldest of this.#prepared.keys()) {
        this.#prepared.delete(oldest);
        break;
      }
    return prepared;
  }
}

/** What SQLite has: the package ends the process when it is given a boolean. */
function bindable(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
    throw new TypeError('a parameter of a statement is text, a number, bytes or null');
  return value;
}
