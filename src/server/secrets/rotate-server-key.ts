import { randomBytes } from 'node:crypto';
import { openStoreAside } from '../storage/open-store-aside.ts';
import { KeyError, loadKey } from './load-key.ts';
import { openSecretBox } from './open-secret-box.ts';
import { rotateKeyFile } from './rotate-key.ts';
import { KEY_BYTES } from './secret-box.ts';

/**
 * Encrypts every secret of a database with a new key and puts that into the file of the old one. Not while a server uses
 * an SQLite database; servers on PostgreSQL refuse to set secrets until they are started again.
 * @throws KeyError, DatabaseOpenError
 */
export async function rotateServerKey({
  database,
  keyFile,
}: {
  readonly database: string;
  readonly keyFile: string;
}): Promise<{ readonly secrets: number }> {
  const source = { keyFile, keyCommand: null, dataDirectory: '' };
  const store = await openStoreAside(database, 'rotate-key');
  try {
    // Says so when the file has another key, and ends a change that was cut off.
    const box = await openSecretBox(store, source, randomBytes);
    if (!box.ok) throw new KeyError(`the key was not changed: ${box.error.message}`);
    const keys = { from: await loadKey(source), to: randomBytes(KEY_BYTES), actor: 'server' };
    return await rotateKeyFile(store, keyFile, keys, randomBytes);
  } finally {
    await store.close();
  }
}
