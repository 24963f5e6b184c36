import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a file or replaces it: whole or not at all, and there after a power cut. Throws the system's error.
 *
 * @param owner By root: whose it is to be. Null: of whoever calls.
 */
export async function writeDurably(
  path: string,
  text: string,
  mode: number,
  owner: { readonly uid: number; readonly gid: number } | null = null,
): Promise<void> {
  const next = `${path}.new`;
  await mkdir(dirname(path), { recursive: true });
  await rm(next, { force: true });
  const file = await open(next, 'wx', mode);
  try {
    // Whatever the mask of the process.
    await file.chmod(mode);
    if (owner !== null) await file.chown(owner.uid, owner.gid);
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    // A full disk; what there is of it is of no use.
    await rm(next, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(next, path);
  await syncFolder(dirname(path));
}

/** A rename and a removal last once their folder is written. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
