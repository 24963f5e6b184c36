import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes a folder with all that is in it, or nothing when it is not there; also when the right to write was taken away
 * from folders in it (Go's module cache is read-only). Throws the system's error when something cannot be removed.
 */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, OPTIONS);
  } catch (error) {
    if (!FORBIDDEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await makeWritable(folder);
    await rm(folder, OPTIONS);
  }
}

/** The retries are for what is written to while it is removed. */
const OPTIONS = { recursive: true, force: true, maxRetries: 3 };

const FORBIDDEN: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);

async function makeWritable(folder: string): Promise<void> {
  try {
    await chmod(folder, 0o700);
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  } catch {
    // Somebody else's, or gone by now: the removal that follows says which.
  }
}
