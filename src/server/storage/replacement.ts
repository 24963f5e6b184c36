import { mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../kernel/write-durably.ts';

/**
 * What is to take another's place: made on the same disk, so that one that is full changes nothing, and put there by
 * renaming.
 */
export interface Replacement {
  /** Where it is made; nothing is there yet. */
  readonly made: string;
  /** What was there before is kept until `forget`. */
  put(): Promise<void>;
  /** After `put`, half of it, or without: as it was before. */
  undo(): Promise<void>;
  forget(): Promise<void>;
}

/** What is left of an earlier one, which was interrupted, is removed. */
export async function fileReplacement(path: string): Promise<Replacement> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const place = await realpath(path).catch(() => path);
  const made = `${place}.restoring`;
  const before = `${place}.replaced`;
  await remove(made);
  await remove(before);
  let isPut = false;
  return {
    made,
    async put() {
      if ((await stat(place).catch(() => null)) !== null) await rename(place, before);
      isPut = true;
      await rename(made, place);
      await syncFolder(dirname(place));
    },
    async undo() {
      await remove(made);
      if (!isPut) return;
      await remove(place);
      await rename(before, place).catch((error: unknown) => {
        // There was none before.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    },
    forget: () => remove(before),
  };
}

/** The folder itself stays, with what it has inside: it may be a disk of its own. */
export async function folderReplacement(place: string): Promise<Replacement> {
  await mkdir(place, { recursive: true, mode: 0o700 });
  const made = join(place, '.restoring');
  const before = join(place, '.replaced');
  await remove(made);
  await remove(before);
  const aside: string[] = [];
  const put: string[] = [];
  const forget = async (): Promise<void> => {
    await remove(made);
    await remove(before);
  };
  return {
    made,
    async put() {
      await mkdir(before, { mode: 0o700 });
      for (const name of await readdir(place)) {
        if ([made, before].includes(join(place, name))) continue;
        await rename(join(place, name), join(before, name));
        aside.push(name);
      }
      for (const name of await readdir(made)) {
        await rename(join(made, name), join(place, name));
        put.push(name);
      }
      await syncFolder(place);
    },
    async undo() {
      for (const name of put) await remove(join(place, name));
      for (const name of aside) await rename(join(before, name), join(place, name));
      await forget();
    },
    forget,
  };
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
