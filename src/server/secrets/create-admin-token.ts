import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DatabaseOpenError } from '../storage/database-open-error.ts';
import { dialectOf } from '../storage/dialect.ts';
import { openStoreAside } from '../storage/open-store-aside.ts';
import { mintToken, TOKEN_BYTES } from './token.ts';

/**
 * A token with every right, for who has the database and no token any more. It is in the audit.
 *
 * @param request.account who asked, on this machine.
 * @throws DatabaseOpenError
 */
export async function createAdminToken(request: {
  readonly database: string;
  readonly name: string;
  readonly account: string;
}): Promise<{ readonly id: number; readonly token: string }> {
  const { database, name, account } = request;
  // A new one would be of no server.
  if (dialectOf(database) === 'sqlite' && !existsSync(database))
    throw new DatabaseOpenError(`There is no database '${database}'. Name the server's folder with --data.`, null);
  const store = await openStoreAside(database, 'admin-token');
  try {
    const { token, hash } = mintToken('user', randomBytes(TOKEN_BYTES));
    const terms = { kind: 'user', scopes: ['admin'], expiresMs: null, uses: null } as const;
    const made = await store.execute('create-token', { ...terms, actor: `account ${account}`, name, hash });
    if (!made.ok) throw new DatabaseOpenError(`The token was not made: ${made.error.message}`, made.error);
    return { id: made.value.id, token };
  } finally {
    await store.close();
  }
}
