import { describe, it } from '@jest/globals';
import { postgresBinaries, WAY_OUT } from './postgres-server.ts';

/** `describe` where there is a PostgreSQL; skipped by name where there is none, and failed where nothing may be. */
export function describePostgres(name: string, body: () => void): void {
  if (postgresBinaries() !== null) describe(name, body);
  else if ((process.env.PACELINE_TEST_CI ?? '') === '') describe.skip(`${name} (${WAY_OUT})`, body);
  else
    describe(name, () => {
      it('finds a PostgreSQL', () => {
        throw new Error(WAY_OUT);
      });
    });
}

/** The body once for each database that the server understands. */
export function describeDatabases(name: string, body: (database: 'sqlite' | 'postgres') => void): void {
  describe(`${name} on SQLite`, () => body('sqlite'));
  describePostgres(`${name} on PostgreSQL`, () => body('postgres'));
}
