import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/**
 * The absolute path of an executable file: `name` as it is when it holds a slash (relative to `cwd`), else the first
 * match in `path` (the value of PATH; an empty entry means `cwd`). Null when there is none.
 */
export async function findCommand(name: string, path: string, cwd: string): Promise<string | null> {
  const candidates = name.includes('/') || isAbsolute(name) ? [''] : path.split(delimiter);
  for (const directory of candidates) {
    for (const extension of EXTENSIONS) {
      const file = resolve(cwd, join(directory, name + extension));
      if (await isExecutable(file)) return file;
    }
  }
  return null;
}

/** What Windows appends to a command without an extension. */
const EXTENSIONS = process.platform === 'win32' ? ['.exe', '.cmd', '.bat', '.com', ''] : [''];

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    // A folder may be "executed" as well, which means entered.
    return (await stat(file)).isFile();
  } catch {
    // Not there or not ours to execute: the next entry of PATH may have it.
    return false;
  }
}
