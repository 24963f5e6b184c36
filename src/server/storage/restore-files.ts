import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { occupied } from './backup-error.ts';
import { BACKUP_FILES, copyFolder, LOG_FOLDER, syncFile } from './backup-folder.ts';
import { fileReplacement, folderReplacement } from './replacement.ts';
import type { RestoreOptions } from './restore.ts';

/**
 * Logs and key of a restore, put into their places together. Nothing is touched before the database is claimed, which also
 * tells whether an earlier restore was interrupted: then `putBack` comes first, else `forget`.
 */
export interface RestoreFiles {
  /** @throws BackupError when something is in their places. */
  refuseTaken(): Promise<void>;
  /** Makes them beside their places. */
  prepare(): Promise<void>;
  put(): Promise<void>;
  putBack(): Promise<void>;
  forget(): Promise<void>;
}

export async function restoreFiles(
  { from, dataDirectory, keyFile }: RestoreOptions,
  hasKey: boolean,
): Promise<RestoreFiles> {
  const logFolder = join(dataDirectory, LOG_FOLDER);
  const logs = folderReplacement(logFolder);
  const key = await fileReplacement(keyFile);
  return {
    async refuseTaken() {
      if (await logs.isTaken()) throw occupied(`the folder '${logFolder}'`);
      if (hasKey && (await key.isTaken())) throw occupied(`the key '${keyFile}'`);
    },
    async prepare() {
      await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
      await copyFolder(join(from, BACKUP_FILES.logs), await logs.prepare());
      if (!hasKey) return;
      const made = await key.prepare();
      await copyFile(join(from, BACKUP_FILES.key), made);
      await syncFile(made);
    },
    async put() {
      if (hasKey) await key.put();
      await logs.put();
    },
    async putBack() {
      await key.putBack();
      await logs.putBack();
    },
    async forget() {
      await key.forget();
      await logs.forget();
    },
  };
}
