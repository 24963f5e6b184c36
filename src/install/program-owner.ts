import { constants, existsSync } from 'node:fs';
import { lchown, lstat, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { RunnerFolder } from './runner-folder.ts';

/** What root runs of a folder. What is not named stays the account's: its state, its settings, its work folder. */
const PROGRAMS = ['config.sh', 'run.sh', 'svc.sh', 'env.sh', 'README.md', 'LICENSE'];
/** Whatever the umask was under which they were unpacked: the account has to read and to run them. */
const FOLDER_MODE = 0o755;
const PROGRAM_MODE = 0o755;
const FILE_MODE = 0o644;
const EXECUTABLE = 0o100;
const OF_OTHERS = 0o022;
/** A link that took the place of the file is no file, and a pipe without a writer is not waited for. */
const AS_IT_LIES = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes the folder and the programs in it root's, so that no job changes what root calls there. By root, for a runner whose
 * state is another account's; for every other nothing happens. What was interrupted is completed by the same call.
 *
 * @param workFolders Absolute, of the account's settings: what the account could not make in root's folder any more is made.
 */
export async function takePrograms(folder: RunnerFolder, workFolders: readonly string[]): Promise<void> {
  const account = await accountOf(folder);
  if (account === null) return;
  await takeAll(folder);
  for (const path of workFolders) await makeFor(account, folder, path);
}

/** The other way round: the account may bring it to another version again, or remove it. */
export async function givePrograms(folder: RunnerFolder): Promise<void> {
  const account = await accountOf(folder);
  if (account === null) return;
  // What an interrupted call gave away would be the account's to put links into.
  await takeAll(folder);
  // The deepest first: as long as the folders above are root's, nobody puts a link into the way.
  await giveTree(folder.versions, account);
  for (const path of programsOf(folder)) await give(path, account);
  await lchown(folder.root, account.uid, account.gid);
}

/** Whose the runner is; null: root's, or nobody's yet, or we are not root. */
export async function accountOf({ state }: RunnerFolder): Promise<Account | null> {
  if (process.getuid?.() !== 0 || !existsSync(state)) return null;
  const { uid, gid } = await stat(state);
  return uid === 0 ? null : { uid, gid };
}

function programsOf({ root, bin, upgrade }: RunnerFolder): string[] {
  return [...PROGRAMS.map((name) => join(root, name)), bin, upgrade];
}

/** From the top: nobody puts anything into a folder that is root's already. */
async function takeAll(folder: RunnerFolder): Promise<void> {
  await take(folder.root);
  for (const path of programsOf(folder)) await take(path);
  await takeTree(folder.versions);
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
  if (!found.isFile() && !found.isDirectory()) {
    await lchown(path, 0, 0);
    return;
  }
  const file = await open(path, AS_IT_LIES);
  try {
    const { mode, nlink, uid } = await file.stat();
    await file.chown(0, 0);
    // A file of root's under a second name may be one of the system, that nobody is to read.
    const isShared = found.isFile() && nlink > 1 && uid === 0;
    await file.chmod(isShared ? mode & ~OF_OTHERS : modeFor(found.isDirectory(), mode));
  } finally {
    await file.close();
  }
}

function modeFor(isFolder: boolean, mode: number): number {
  if (isFolder) return FOLDER_MODE;
  return (mode & EXECUTABLE) === 0 ? FILE_MODE : PROGRAM_MODE;
}

async function giveTree(path: string, account: Account): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    await (entry.isDirectory() ? giveTree(inner, account) : give(inner, account));
  }
  await lchown(path, account.uid, account.gid);
}

/** A file with a second name elsewhere stays root's: that one was never the account's, perhaps. */
async function give(path: string, { uid, gid }: Account): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found !== null && found.nlink === 1) await lchown(path, uid, gid);
}

/** The first folder on the way that is not there: below it the account makes its own. Where root has no say, nothing. */
async function makeFor({ uid, gid }: Account, { root, versions }: RunnerFolder, path: string): Promise<void> {
  const names = relative(root, path).split(sep);
  if (names.includes('..') || names[0] === '') return;
  let place = root;
  for (const name of names) {
    place = join(place, name);
    if (place === versions) return;
    const found = await lstat(place).catch(() => null);
    if (found === null) {
      await mkdir(place, { mode: WORK_MODE });
      await lchown(place, uid, gid);
      return;
    }
    // The account's, who makes the rest; or a link, which may lead anywhere.
    if (!found.isDirectory() || found.uid !== 0) return;
  }
}

/** As that of the state, in which the work is otherwise. */
const WORK_MODE = 0o700;
