import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError } from './backup-error.ts';

/** Where Debian and its kin keep the programs of each version, of which only some are on the PATH. */
const DEBIAN = '/usr/lib/postgresql';

/**
 * Runs `pg_dump` or `pg_restore` on a database: from the PATH, else the newest that is installed. The password goes by the
 * environment, where other users do not see it.
 * @throws BackupError with what the program said.
 */
export async function runPostgresProgram(
  program: 'pg_dump' | 'pg_restore',
  words: readonly string[],
  database: string,
): Promise<void> {
  const { execa } = await import('execa');
  const url = new URL(database);
  const password = decodeURIComponent(url.password);
  url.password = '';
  const env = password === '' ? {} : { PGPASSWORD: password };
  for (const path of [program, ...(await installed(program))]) {
    const result = await execa(path, [...words, `--dbname=${url.href}`], { env, stdin: 'ignore', reject: false });
    if (result.code === 'ENOENT') continue;
    if (!result.failed) return;
    throw new BackupError(`${program} failed: ${result.stderr.trim() || result.shortMessage}`, result);
  }
  throw new BackupError(
    `${program} is not on the PATH. Install the client programs of PostgreSQL, of the server's version or newer.`,
  );
}

async function installed(program: string): Promise<readonly string[]> {
  try {
    const versions = await readdir(DEBIAN);
    return versions.sort((one, other) => Number(other) - Number(one)).map((name) => join(DEBIAN, name, 'bin', program));
  } catch {
    // Not such a system.
    return [];
  }
}
