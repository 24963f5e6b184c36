import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InstallProblem } from './install-problem.ts';
import type { RunnerFolder } from './runner-folder.ts';
import { syncFolder, writeDurably } from '../kernel/write-durably.ts';

const MODE = 0o644;

/** In the first lines of every file of ours, see the templates. */
function markOf({ root }: RunnerFolder): string {
  return `Made by Paceline for the runner in ${root}. `;
}

/** Writes a unit or a plist. Rejects with an {@link InstallProblem} where somebody else's is, which stays as it is. */
export async function writeServiceFile(folder: RunnerFolder, file: string, text: string): Promise<void> {
  await refuseForeign(folder, file);
  await writeDurably(file, text, MODE);
}

/**
 * Writes ours anew. Rejects with an {@link InstallProblem} where there is none, or where it cannot be written, as with
 * `/etc` of an image.
 */
export async function replaceServiceFile(folder: RunnerFolder, file: string, text: string): Promise<void> {
  if ((await serviceFileText(file)) === null)
    throw new InstallProblem(`${file} is not there any more: svc.sh uninstall and svc.sh install make it anew.`);
  try {
    await writeServiceFile(folder, file, text);
  } catch (error) {
    if (error instanceof InstallProblem) throw error;
    throw new InstallProblem(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}).`);
  }
}

/** Ours is removed; where there is none, nothing happens. */
export async function removeServiceFile(folder: RunnerFolder, file: string): Promise<void> {
  await refuseForeign(folder, file);
  await rm(file, { force: true });
  await syncFolder(dirname(file)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}

export async function refuseForeign(folder: RunnerFolder, file: string): Promise<void> {
  const text = await serviceFileText(file);
  if (text !== null && !text.includes(markOf(folder)))
    throw new InstallProblem(
      `${file} is there already, and not of the runner in ${folder.root}: remove that service, or name this runner otherwise.`,
    );
}

/** Null: there is none. */
export async function serviceFileText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
