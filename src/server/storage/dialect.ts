/** The two databases that are understood. */
export type DialectName = 'sqlite' | 'postgres';

/** Of what `--database` says: an address of PostgreSQL, else a file for SQLite. */
export function dialectOf(database: string): DialectName {
  return /^postgres(ql)?:/.test(database) ? 'postgres' : 'sqlite';
}

/** The database as people may read it: without the password. */
export function databasePlace(database: string): string {
  if (dialectOf(database) === 'sqlite') return `'${database}'`;
  try {
    const { host, pathname } = new URL(database);
    return `'${pathname.slice(1)}' at ${host}`;
  } catch {
    return 'on PostgreSQL';
  }
}
