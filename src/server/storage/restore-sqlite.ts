import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import { syncFolder } from '../../kernel/write-durably.ts';
import { BACKUP_FILES, syncFile } from './backup-folder.ts';
import { BackupError, occupied } from './backup-error.ts';
import { beginLife, FENCE_LEAP, putSetting } from './begin-life.ts';
import { claimSqlite } from './claim-sqlite.ts';
import { databasePlace } from './dialect.ts';
import { FENCE_SETTING } from './fence.ts';
import { openSqlite } from './open-sqlite.ts';
import type { RestoreFiles } from './restore-files.ts';
import type { RestoreOptions } from './restore.ts';
import { isRestoreUnfinished, restoringPath } from './unfinished-restore.ts';

const ASIDE = ['-wal', '-shm', '-journal'];

/** The database comes into its place last, by one rename: while it lies beside it, no server starts. */
export async function restoreSqlite(options: RestoreOptions, files: RestoreFiles): Promise<void> {
  const { database, force } = options;
  await mkdir(dirname(database), { recursive: true, mode: 0o700 });
  const release = await claimSqlite(database);
  const made = restoringPath(database);
  try {
    const isUnfinished = await isRestoreUnfinished(database, null);
    if (!force) {
      await files.refuseTaken();
      if (isUnfinished || (await stat(database).catch(() => null)) !== null)
        throw occupied(`the database ${databasePlace(database)}`);
    }
    await (isUnfinished ? files.putBack() : files.forget());
    try {
      await makeDatabase(options, made);
      await files.prepare();
      await files.put();
      for (const suffix of ASIDE) await rm(`${database}${suffix}`, { force: true });
      await rename(made, database);
    } catch (error) {
      await files.putBack();
      for (const suffix of [...ASIDE, '']) await rm(`${made}${suffix}`, { force: true });
      throw error;
    }
    await syncFolder(dirname(database));
    await files.forget();
  } finally {
    release();
  }
}

async function makeDatabase({ from, randomId }: RestoreOptions, made: string): Promise<void> {
  for (const suffix of [...ASIDE, '']) await rm(`${made}${suffix}`, { force: true });
  await copyFile(join(from, BACKUP_FILES.database.sqlite), made);
  try {
    const db = await openSqlite(made);
    try {
      const { value = '0' } =
        (await db.selectFrom('setting').select('value').where('name', '=', FENCE_SETTING).executeTakeFirst()) ?? {};
      const fence = String(Number(value) + FENCE_LEAP);
      await putSetting(db, FENCE_SETTING, fence);
      await beginLife(db, randomId(), fence);
      // Nothing of it may stay in files beside it, which would not be moved.
      await sql`pragma journal_mode = delete`.execute(db);
    } finally {
      await db.destroy();
    }
  } catch (error) {
    throw new BackupError(`The database in '${from}' cannot be restored: ${(error as Error).message}.`, error);
  }
  await syncFile(made);
  // As long as it is there, what `put` sets aside is known to be of an unfinished restore.
  await syncFolder(dirname(made));
}
