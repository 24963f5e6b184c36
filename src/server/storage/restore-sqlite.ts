import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import { syncFolder } from '../../kernel/write-durably.ts';
import { BACKUP_FILES, syncFile } from './backup-folder.ts';
import { BackupError } from './backup-error.ts';
import { beginLife, FENCE_LEAP, putSetting } from './begin-life.ts';
import { claimSqlite } from './claim-sqlite.ts';
import { FENCE_SETTING } from './fence.ts';
import { openSqlite } from './open-sqlite.ts';
import type { RestoreOptions } from './restore.ts';

/**
 * @param prepareFiles Makes logs and key beside their places.
 * @param putFiles Puts them there: the database comes into its place last, since before that a server would start with none.
 */
export async function restoreSqlite(
  options: RestoreOptions,
  prepareFiles: () => Promise<void>,
  putFiles: () => Promise<void>,
): Promise<void> {
  const { database } = options;
  await mkdir(dirname(database), { recursive: true, mode: 0o700 });
  const release = await claimSqlite(database);
  const made = `${database}.restoring`;
  try {
    await makeDatabase(options, made);
    await prepareFiles();
    await putFiles();
    for (const suffix of ['-wal', '-shm', '-journal']) await rm(`${database}${suffix}`, { force: true });
    await rename(made, database);
    await syncFolder(dirname(database));
  } finally {
    release();
    for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${made}${suffix}`, { force: true });
  }
}

async function makeDatabase({ from, randomId }: RestoreOptions, made: string): Promise<void> {
  await rm(made, { force: true });
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
}
