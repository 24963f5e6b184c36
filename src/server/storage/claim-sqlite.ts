import { DatabaseOpenError } from './database-open-error.ts';
import { connectSqlite } from './open-sqlite.ts';

/** Beside the database. It holds nothing: what counts is the lock that the system has on it. */
const CLAIM_SUFFIX = '.lock';

/**
 * Makes the database ours until the returned function is called or the process ends, however it ends. Servers on one file
 * would not hear of each other's changes, and a restore would pull it away under a server.
 * @throws DatabaseOpenError while another process has it.
 */
export async function claimSqlite(path: string): Promise<() => void> {
  const claim = await connectSqlite(`${path}${CLAIM_SUFFIX}`);
  try {
    claim.exec('pragma busy_timeout = 0');
    claim.exec('begin exclusive');
  } catch (error) {
    claim.close();
    throw new DatabaseOpenError(
      `A server uses the database '${path}' already. Stop it first; only PostgreSQL is shared by several servers.`,
      error,
    );
  }
  return () => void claim.close();
}
