import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Store } from '../store.ts';
import { decodeKey, KEY_FILE, loadKey, nextKeyFile } from './load-key.ts';
import type { KeySource } from './load-key.ts';
import { SecretBox } from './secret-box.ts';

/**
 * The box with the key that the database was encrypted with. A key that was to be replaced when its server was killed is
 * replaced now. Throws `KeyError` where there is no key.
 */
export async function openSecretBox(
  store: Store,
  source: KeySource,
  randomBytes: (count: number) => Uint8Array,
): Promise<ApiResult<SecretBox>> {
  const box = new SecretBox(await loadKey(source), randomBytes);
  const adopted = await store.execute('adopt-key', { keyId: box.keyId });
  if (adopted.ok) return { ok: true, value: box };
  const path = source.keyFile ?? join(source.dataDirectory, KEY_FILE);
  const next = source.keyCommand === null ? await readNext(path, randomBytes) : null;
  if (next === null || next.keyId !== adopted.error.detail?.['expected']) return adopted;
  await rename(nextKeyFile(path), path);
  return { ok: true, value: next };
}

async function readNext(path: string, randomBytes: (count: number) => Uint8Array): Promise<SecretBox | null> {
  try {
    return new SecretBox(decodeKey(await readFile(nextKeyFile(path), 'utf8'), nextKeyFile(path)), randomBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
