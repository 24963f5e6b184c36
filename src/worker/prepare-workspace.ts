import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../kernel/remove-tree.ts';

/**
 * Sees to it that the workspace is there, and that it is empty where that is the runner's policy. The folder itself
 * stays: it may be a mount. Returns a sentence when that cannot be done.
 */
export async function prepareWorkspace(path: string, clean: 'job' | 'never'): Promise<string | null> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    return `The workspace cannot be had: ${(error as Error).message}.`;
  }
  if (clean === 'never') return null;
  try {
    for (const name of await readdir(path)) await removeTree(join(path, name));
    return null;
  } catch (error) {
    return `The workspace ${path} cannot be emptied: ${(error as Error).message}. Remove what is in it by hand; a step may have written it as another user.`;
  }
}
