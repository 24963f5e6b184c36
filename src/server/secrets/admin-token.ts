import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Store } from '../store.ts';
import { mintToken, readToken, TOKEN_BYTES } from './token.ts';

/** In the data folder, for scripts and the command line on the same machine; mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';

/**
 * The first token of a new database; null when there was one already. It is in the file before the database knows it: a
 * server that is killed in between uses the same one at its next start.
 */
export async function ensureAdminTokenFile(
  store: Store,
  dataDirectory: string,
  randomBytes: (count: number) => Uint8Array,
): Promise<ApiResult<string | null>> {
  const path = join(dataDirectory, ADMIN_TOKEN_FILE);
  const present = await readPresent(path);
  const { token, hash } = present ?? mintToken('user', randomBytes(TOKEN_BYTES));
  if (!present) await writeFile(path, `${token}\n`, { mode: 0o600, flush: true });
  const ensured = await store.execute('ensure-admin-token', { hash });
  if (ensured.ok && ensured.value.created) return { ok: true, value: token };
  // The database has another one, or cannot be asked: a new file would promise what does not hold.
  if (!present) await rm(path, { force: true });
  return ensured.ok ? { ok: true, value: null } : ensured;
}

async function readPresent(path: string): Promise<{ token: string; hash: string } | null> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    const read = readToken(token);
    return read?.kind === 'user' ? { token, hash: read.hash } : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
