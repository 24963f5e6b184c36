import { constants, copyFile, lstat, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../kernel/write-durably.ts';
import { BackupError } from './backup-error.ts';
import type { BackupSums } from './backup-sums.ts';
import type { DialectName } from './dialect.ts';

/** What a backup is, in a folder of its own; all of it only its owner reads. */
export const BACKUP_FILES = {
  manifest: 'manifest.json',
  /** A whole SQLite database, or a dump of PostgreSQL in its own format. */
  database: { sqlite: 'database.sqlite', postgres: 'database.dump' },
  /** Segments as they stand in the data folder. */
  logs: 'logs',
  /** Only when it was asked for: with it, whoever has the backup has the secrets. */
  key: 'secrets.key',
} as const;

/** In the data folder. */
export const LOG_FOLDER = 'logs';

/** A folder that is a disk of its own may have this of the file system's, closed to all but root. */
const OF_THE_DISK = 'lost+found';

const FORMAT = 1;

export interface BackupManifest {
  readonly format: typeof FORMAT;
  /** Of Paceline. */
  readonly version: string;
  readonly dialect: DialectName;
  readonly createdAt: string;
  /** Of the life of the database that was backed up. */
  readonly incarnation: string;
  readonly key: boolean;
  /** Absent in what earlier versions wrote. */
  readonly files?: BackupSums;
}

export async function writeManifest(folder: string, manifest: Omit<BackupManifest, 'format'>): Promise<void> {
  const text = `${JSON.stringify({ format: FORMAT, ...manifest }, null, 2)}\n`;
  await writeFile(join(folder, BACKUP_FILES.manifest), text, { mode: 0o600, flush: true });
}

/** @throws BackupError for a folder that is no backup, or one of a newer Paceline. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  let manifest: Partial<BackupManifest>;
  try {
    manifest = JSON.parse(await readFile(join(folder, BACKUP_FILES.manifest), 'utf8')) as Partial<BackupManifest>;
  } catch (error) {
    throw new BackupError(`'${folder}' is no backup: it has no ${BACKUP_FILES.manifest} that can be read.`, error);
  }
  if (manifest.format !== FORMAT)
    throw new BackupError(`The backup in '${folder}' was made by a newer Paceline; restore it with that.`);
  return manifest as BackupManifest;
}

/**
 * Copies the files of a folder, not those of folders in it, each as long as it was when its turn came; one that is removed
 * meanwhile is left out. Resolves when they survive a power cut.
 * @returns the bytes.
 */
export async function copyFolder(from: string, to: string): Promise<number> {
  let bytes = 0;
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of await namesIn(from)) {
    const source = join(from, name);
    const target = join(to, name);
    try {
      if (!(await lstat(source)).isFile()) continue;
      await copyFile(source, target, constants.COPYFILE_FICLONE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    bytes += await syncFile(target);
  }
  await syncFolder(to);
  return bytes;
}

/** What a folder has in it; nothing when it is missing. */
export async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => name !== OF_THE_DISK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** @returns its bytes. */
export async function syncFile(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
