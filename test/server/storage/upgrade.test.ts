import { afterEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, MIGRATIONS } from '../../../src/server/storage/migrations.ts';
import { openPostgres } from '../../../src/server/storage/open-postgres.ts';
import { openSqlite } from '../../../src/server/storage/open-sqlite.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function emptyDatabase(database: 'sqlite' | 'postgres') {
  if (database === 'postgres') {
    const url = await createPostgresDatabase();
    closers.push(() => dropPostgresDatabase(url));
    const db = await openPostgres(url, { connections: 2, onIdleError: () => undefined });
    closers.push(() => db.destroy());
    return db;
  }
  const directory = await mkdtemp(join(tmpdir(), 'upgrade-'));
  closers.push(() => rm(directory, { recursive: true }));
  const db = await openSqlite(join(directory, 'paceline.db'));
  closers.push(() => db.destroy());
  return db;
}

describeDatabases('a database of a version before', (database) => {
  it.each(MIGRATIONS.map((_, index) => index).slice(1))(
    '%i becomes one of this version, with what it holds',
    async (version) => {
      const db = await emptyDatabase(database);
      await migrate(db, database, 1, MIGRATIONS.slice(0, version));
      await sql`insert into run (name, path, event, actor, state, version, input_sha, submission_sha, attempt, created_at)
      values ('n', 'ci.yml', 'push', 'ada', 'running', 1, '', '', 1, 5)`.execute(db);
      await sql`insert into job (run_id, run_attempt, key, job_id, instance, name, needs, state, outputs, labels, policy)
      values (1, 1, 'a', 'a', 0, 'a', '[]', 'queued', '{}', '[]', 'at-most-once')`.execute(db);
      await sql`insert into group_member (scope, name, run_id, key, state, position)
      values ('', 'g', 1, '', 'holds', 1)`.execute(db);
      expect(await migrate(db, database, 2)).toBe(version);
      expect(await db.selectFrom('run').select(['id', 'paused', 'created_at']).execute()).toEqual([
        { id: 1, paused: 0, created_at: 5 },
      ]);
      expect(await db.selectFrom('job').select(['key', 'iteration', 'execution', 'waits']).execute()).toEqual([
        { key: 'a', iteration: 1, execution: 1, waits: null },
      ]);
      expect(await db.selectFrom('group_member').select(['name', 'capacity']).execute()).toEqual([
        { name: 'g', capacity: 1 },
      ]);
      expect(await db.selectFrom('flow_timer').selectAll().execute()).toEqual([]);
      expect(await db.selectFrom('runner_group').select(['name', 'tier', 'repositories']).execute()).toEqual([
        { name: 'default', tier: 'trusted', repositories: '["*"]' },
      ]);
    },
  );

  it('holds runs of forks that have not ended for such, and no others', async () => {
    const db = await emptyDatabase(database);
    await migrate(db, database, 1, MIGRATIONS.slice(0, 3));
    const githubOf = (head: string) => ({
      ...{ event_name: 'pull_request', repository: 'acme/site' },
      event: { pull_request: { head: { repo: { full_name: head } } } },
    });
    for (const [sha256, head] of [
      ['own', 'acme/site'],
      ['fork', 'somebody/site'],
    ] as const)
      await db
        .insertInto('spec')
        .values({ sha256, body: JSON.stringify({ github: githubOf(head) }) })
        .execute();
    for (const [name, sha] of Object.entries({ own: 'own', fork: 'fork', ended: 'fork' }))
      await sql`insert into run (name, path, event, actor, state, version, input_sha, submission_sha, attempt, created_at)
      values (${name}, 'ci.yml', 'pull_request', 'ada', 'running', 1, '', ${sha}, 1, 5)`.execute(db);
    await sql`update run set state = 'completed', conclusion = 'success', completed_at = 6 where name = 'ended'`.execute(
      db,
    );
    await migrate(db, database, 2);
    expect(await db.selectFrom('run').select(['name', 'untrusted']).orderBy('id').execute()).toEqual([
      { name: 'own', untrusted: 0 },
      { name: 'fork', untrusted: 1 },
      { name: 'ended', untrusted: 0 },
    ]);
  });
});
