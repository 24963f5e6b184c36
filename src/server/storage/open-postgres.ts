import { createHash } from 'node:crypto';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import type { Pool, PoolClient } from 'pg';
import type { Database } from '../database.ts';

type TypeId = Parameters<typeof pg.types.getTypeParser>[0];
type ParseValue = (value: string) => unknown;

/** Object id of `bigint` on the wire. */
const INT8 = 20;

const CONNECT_TIMEOUT_MS = 5_000;

/** A question that is not answered by then is not coming back: the host behind the connection is gone. */
const ANSWER_TIMEOUT_MS = 20_000;

/** What is left behind by a server that went away in the middle is rolled back by then. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** Statements that each connection keeps planned; the server has some hundred different ones. */
const MAX_STATEMENTS = 500;
/** Longer ones are those of many rows: one for each number of rows, seldom the same again. */
const MAX_PLANNED_CHARACTERS = 4_000;

export interface PostgresOptions {
  /** Most connections at a time. */
  readonly connections: number;
  /** Told of connections that broke while nobody used them. */
  readonly onIdleError: (error: Error) => void;
}

/** Connects when it is first used. Numbers come as numbers: ids and times stay far below 2^53. */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Kysely<Database>> {
  const { Pool: ConnectionPool, types } = (await import('pg')).default;
  const pool = new ConnectionPool({
    connectionString: url,
    max: options.connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'paceline',
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    types: {
      getTypeParser: (oid: TypeId, format?: 'text' | 'binary'): ParseValue =>
        (oid as number) === INT8 ? Number : (types.getTypeParser(oid, format) as ParseValue),
    },
  });
  pool.on('error', options.onIdleError);
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool: new PreparingPool(pool) }) });
}

/** PostgreSQL has no NUL in its texts, and names of jobs or what people search for may: it is shown as what it is not. */
function storable(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}

/** A pool whose connections plan each statement once, and which drops a connection that is of no use any more. */
class PreparingPool implements PostgresPool {
  readonly #pool: Pool;
  readonly #names = new Map<string, string>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect();
    let broken = false;
    // A pool listens only to connections that nobody has; what breaks in use is told by the next question.
    const onError = (): void => {
      broken = true;
    };
    client.on('error', onError);
    return {
      query: async (sql: string, parameters: readonly unknown[]) => {
        try {
          return await this.#query(client, sql, parameters);
        } catch (error) {
          // Without a code of the database it is the connection that failed, or no answer came.
          if (!(error instanceof Error && 'severity' in error)) broken = true;
          throw error;
        }
      },
      release: () => {
        client.removeListener('error', onError);
        client.release(broken);
      },
      // Only asked for with cursors, which are not used.
    } as PostgresPoolClient;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  #query(client: PoolClient, text: string, parameters: readonly unknown[]): Promise<unknown> {
    // Without parameters: commands, several of which may share a question; they cannot be planned.
    if (parameters.length === 0) return client.query(text);
    const name = this.#nameOf(text);
    return client.query({ ...(name !== null && { name }), text, values: parameters.map(storable) });
  }

  #nameOf(text: string): string | null {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size >= MAX_STATEMENTS || text.length > MAX_PLANNED_CHARACTERS) return null;
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    this.#names.set(text, name);
    return name;
  }
}
