import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BACKUP_FILES } from './backup-folder.ts';

/** Each file of a backup but its manifest, by its path in it, with slashes. */
export type BackupSums = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;

export async function sumsOf(folder: string): Promise<BackupSums> {
  const sums: Record<string, { bytes: number; sha256: string }> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    if (name !== BACKUP_FILES.manifest) sums[name] = { bytes: (await stat(path)).size, sha256: await sumOf(path) };
  }
  return sums;
}

/** What is wrong with a backup, as part of a sentence; null: it has all that its manifest says, as it was. */
export async function damageOf(folder: string, sums: BackupSums): Promise<string | null> {
  for (const [name, { bytes, sha256 }] of Object.entries(sums)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found === null) return `'${name}' is missing`;
    if (found.size !== bytes) return `'${name}' has ${found.size} bytes instead of ${bytes}`;
    if ((await sumOf(path)) !== sha256) return `'${name}' is not what it was`;
  }
  return null;
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
