import { type RawBuilder, type Sql, sql } from 'kysely';

/** Rows of one statement; a power of two. */
export const ROWS_PER_STATEMENT = 256;

/** Lists of values, each of a power of two rows: `pad` fills them up, so that few different statements are prepared. */
export function padded<Row>(rows: readonly Row[], pad: Row): Row[][] {
  const lists: Row[][] = [];
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
    const list = rows.slice(at, at + ROWS_PER_STATEMENT);
    let size = 1;
    while (size < list.length) size *= 2;
    lists.push([...list, ...Array<Row>(size - list.length).fill(pad)]);
  }
  return lists;
}

/** `(…), (…)` with the types that PostgreSQL has to be told. */
export function valuesOf(
  rows: readonly (readonly (string | number)[])[],
  types: readonly ('text' | 'bigint')[],
): RawBuilder<unknown> {
  const [text, bigint] = [sql.raw('text'), sql.raw('bigint')];
  const tuples = rows.map((row) => {
    const cells = row.map((cell, index) => castOf(sql, cell, types[index] === 'text' ? text : bigint));
    return sql`(${sql.join(cells)})`;
  });
  return sql`values ${sql.join(tuples)}`;
}

function castOf(tag: Sql, cell: string | number, type: RawBuilder<unknown>): RawBuilder<unknown> {
  return tag`cast(${cell} as ${type})`;
}
