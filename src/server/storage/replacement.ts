import { copyFile, mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../kernel/write-durably.ts';
import { namesIn, syncFile } from './backup-folder.ts';

/**
 * What is to take another's place: made on the same disk, so that one that is full changes nothing, and put there by
 * renaming. What it replaces is known by the names on the disk alone, so that it comes back after a power cut too.
 */
export interface Replacement {
  /** Something is in its place, or was before an interrupted `put`. */
  isTaken(): Promise<boolean>;
  /** Where it is made; nothing is there then. */
  prepare(): Promise<string>;
  /** What was there before is kept until `forget`. */
  put(): Promise<void>;
  /** As it was before `put`, which may have been interrupted, as may this; what was made is gone. */
  putBack(): Promise<void>;
  forget(): Promise<void>;
}

export async function fileReplacement(path: string): Promise<Replacement> {
  const place = await realpath(path).catch(() => path);
  const made = `${place}.restoring`;
  /** An empty file: there was none. */
  const before = `${place}.replaced`;
  const copied = `${before}.part`;
  return {
    isTaken: async () => (await sizeOf(place)) !== null || (await sizeOf(before)) !== null,
    async prepare() {
      await mkdir(dirname(place), { recursive: true, mode: 0o700 });
      await remove(made);
      return made;
    },
    async put() {
      await remove(copied);
      if ((await sizeOf(place)) === null) await writeFile(copied, '', { mode: 0o600 });
      else await copyFile(place, copied);
      await syncFile(copied);
      await rename(copied, before);
      await syncFolder(dirname(place));
      await rename(made, place);
      await syncFolder(dirname(place));
    },
    async putBack() {
      await remove(made);
      await remove(copied);
      const size = await sizeOf(before);
      if (size === null) return;
      if (size > 0) await rename(before, place);
      else {
        await remove(place);
        await remove(before);
      }
      await syncFolder(dirname(place));
    },
    async forget() {
      await remove(made);
      await remove(copied);
      await remove(before);
    },
  };
}

/** The folder itself stays, with what it has inside: it may be a disk of its own. */
export function folderReplacement(place: string): Replacement {
  const made = join(place, '.restoring');
  /** Has some of what was there before: the rest is in its place. */
  const leaving = join(place, '.leaving');
  /** Has all of what was there before: whatever is in its place is new. */
  const before = join(place, '.replaced');
  const own = [made, leaving, before];
  const inPlace = async (): Promise<readonly string[]> =>
    (await namesIn(place)).filter((name) => !own.includes(join(place, name)));
  const moveAll = async (names: readonly string[], from: string, to: string): Promise<void> => {
    for (const name of names) await rename(join(from, name), join(to, name));
    await syncFolder(from);
    await syncFolder(to);
  };
  return {
    isTaken: async () => (await namesIn(place)).length > 0,
    async prepare() {
      await mkdir(place, { recursive: true, mode: 0o700 });
      await remove(made);
      return made;
    },
    async put() {
      await mkdir(leaving, { mode: 0o700 });
      await moveAll(await inPlace(), place, leaving);
      await rename(leaving, before);
      await syncFolder(place);
      await moveAll(await readdir(made), made, place);
    },
    async putBack() {
      await remove(made);
      if ((await sizeOf(before)) !== null) {
        for (const name of await inPlace()) await remove(join(place, name));
        await syncFolder(place);
        await rename(before, leaving);
      }
      if ((await sizeOf(leaving)) === null) return;
      await moveAll(await readdir(leaving), leaving, place);
      await remove(leaving);
    },
    async forget() {
      await remove(made);
      await remove(before);
    },
  };
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
