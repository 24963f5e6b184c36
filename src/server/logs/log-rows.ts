import { type RawBuilder, sql } from 'kysely';
import { type Hole, times } from '../storage/statement.ts';

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
export function valuesOf(rows: number, hole: Hole, types: readonly ('text' | 'bigint')[]): RawBuilder<unknown> {
  const tuple = (): RawBuilder<unknown> =>
    sql`(${sql.join(types.map((type) => sql`cast(${hole()} as ${sql.raw(type)})`))})`;
  return sql`values ${sql.join(times(rows, tuple))}`;
}
