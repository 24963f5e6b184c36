import { existsSync } from 'node:fs';
import { chmod, lchown, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunnerFolder } from './runner-folder.ts';

/** What root runs of a folder. What is not named stays the account's: its state, its settings, its work folder. */
const PROGRAMS = ['config.sh', 'run.sh', 'svc.sh', 'env.sh', 'README.md', 'LICENSE'];
const OF_OTHERS = 0o022;

/**
 * Makes the folder and the programs in it root's, so that no job changes what root calls there. By root, for a runner whose
 * state is another account's; for every other nothing happens. What was interrupted is completed by the same call.
 */
export async function takePrograms(folder: RunnerFolder): Promise<void> {
  if ((await accountOf(folder)) === null) return;
  // From the top: nobody puts anything into a folder that is root's already.
  await take(folder.root);
  for (const name of PROGRAMS) await take(join(folder.root, name));
  for (const path of [folder.bin, folder.upgrade]) await take(path);
  await takeTree(folder.versions);
}

/** The other way round: the account may bring it to another version again, or remove it. */
export async function givePrograms(folder: RunnerFolder): Promise<void> {
  const account = await accountOf(folder);
  if (account === null) return;
  // Whose the files are makes no difference to that, and a file may have a second name elsewhere.
  for (const path of await foldersBelow(folder.versions)) await lchown(path, account.uid, account.gid);
  await lchown(folder.root, account.uid, account.gid);
}

/** Whose the runner is; null: root's, or nobody's yet, or we are not root. */
export async function accountOf({
  state,
}: RunnerFolder): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (process.getuid?.() !== 0 || !existsSync(state)) return null;
  const { uid, gid } = await stat(state);
  return uid === 0 ? null : { uid, gid };
}

async function takeTree(path: string): Promise<void> {
  await take(path);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    await (entry.isDirectory() ? takeTree(inner) : take(inner));
  }
}

async function take(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  await lchown(path, 0, 0);
  if (!found.isSymbolicLink() && (found.mode & OF_OTHERS) !== 0) await chmod(path, found.mode & ~OF_OTHERS);
}

async function foldersBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return [path, ...entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))];
}
