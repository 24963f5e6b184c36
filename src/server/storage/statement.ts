import { type Compilable, CompiledQuery, type Kysely, type RawBuilder } from 'kysely';
import type { Database } from '../database.ts';
import type { OperationContext } from '../operation.ts';

/** Makes what stands for a value that is given with each execution. It passes for a value of any column. */
export type Hole = () => never;

/** `locks`: see `OperationContext`. */
type Build<Row> = (db: Kysely<Database>, hole: Hole, rows: number, locks: boolean) => Compilable<Row>;

/**
 * A statement of the paths that every job takes several times. Building and compiling one takes longer than running it,
 * so these are built once for each number of rows and each database, with holes that are filled in the order in which
 * the builder asked for them.
 */
export class Statement<Row = unknown> {
  readonly #build: Build<Row>;
  /** Without the tree that it was compiled from, which is many times as large. */
  readonly #compiled = new Map<string, Pick<CompiledQuery, 'sql' | 'parameters'>>();

  constructor(build: Build<Row>) {
    this.#build = build;
  }

  async execute(
    { db, connection, locks }: Pick<OperationContext, 'db' | 'connection' | 'locks'>,
    values: readonly unknown[],
    rows = 1,
  ): Promise<readonly Row[]> {
    const key = `${locks ? 'postgres' : 'sqlite'} ${rows}`;
    let known = this.#compiled.get(key);
    if (known === undefined) {
      let holes = 0;
      const { sql, parameters } = this.#build(db, () => new Filler(holes++) as never, rows, locks).compile();
      known = { sql, parameters };
      if (rows <= MAX_KEPT_ROWS) this.#compiled.set(key, known);
    }
    const parameters = known.parameters.map((one) => (one instanceof Filler ? values[one.index] : one));
    return (await connection.executeQuery<Row>(CompiledQuery.raw(known.sql, parameters))).rows;
  }
}

/** For more rows at a time the compilation is a small part of the work, and all numbers of them would be many texts. */
const MAX_KEPT_ROWS = 50;

/** One that is written as SQL. */
export function rawStatement<Row>(build: (hole: Hole, rows: number) => RawBuilder<Row>): Statement<Row> {
  return new Statement((db, hole, rows) => ({ compile: () => build(hole, rows).compile(db) }));
}

class Filler {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

/** One entry for each row. */
export function times<T>(rows: number, make: () => T): T[] {
  return Array.from({ length: rows }, make);
}
