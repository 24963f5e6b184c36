import { access, constants, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';

/** Tried on Windows after the name as it stands, in the order of its own PATHEXT. */
const WINDOWS_ENDINGS = ['', '.com', '.exe', '.bat', '.cmd'];

/**
 * The absolute path of the executable that `name` means: a name with a slash is taken from `cwd`, any other is looked up
 * in the folders of `path` (the PATH variable; an empty entry is `cwd`, as POSIX has it). Null when there is none.
 */
export async function findCommand(name: string, path: string, cwd: string): Promise<string | null> {
  if (name === '') return null;
  const isPath = name.includes('/') || (process.platform === 'win32' && name.includes('\\'));
  const folders = isPath ? [''] : path.split(delimiter);
  const endings = process.platform === 'win32' ? WINDOWS_ENDINGS : [''];
  for (const folder of folders)
    for (const ending of endings) {
      const candidate = resolve(cwd, folder, name + ending);
      if (await isExecutable(candidate)) return candidate;
    }
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Missing, or not for us: the look-up goes on.
    return false;
  }
}
