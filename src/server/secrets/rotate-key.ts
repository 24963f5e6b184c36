import { rename } from 'node:fs/promises';
import type { Store } from '../store.ts';
import { KeyError, nextKeyFile, writeKeyFile } from './load-key.ts';
import { SecretBox } from './secret-box.ts';

/**
 * Puts a new key in the place of the server's key: every secret is wrapped anew, at once, then the file is replaced. The
 * new key is on the disk before the database knows it, so that it cannot be lost. Servers that run refuse to set secrets
 * until they are started again. `path`: the file of the key.
 */
export async function rotateKeyFile(
  store: Store,
  path: string,
  { from, to, actor }: { readonly from: Uint8Array; readonly to: Uint8Array; readonly actor: string },
  randomBytes: (count: number) => Uint8Array,
): Promise<{ readonly secrets: number }> {
  const next = nextKeyFile(path);
  await writeKeyFile(next, to);
  const rotated = await rotateKey(store, new SecretBox(from, randomBytes), new SecretBox(to, randomBytes), actor);
  await rename(next, path);
  return rotated;
}

/** Wraps every secret with the next key. */
export async function rotateKey(
  store: Store,
  from: SecretBox,
  to: SecretBox,
  actor: string,
): Promise<{ readonly secrets: number }> {
  const read = await store.execute('read-secrets', {});
  if (!read.ok) throw new KeyError(`the key was not changed: ${read.error.message}`);
  const secrets = read.value.secrets.map((secret) => ({
    ...secret,
    ciphertext: from.rewrap(secret.ciphertext, secret, to),
  }));
  const done = await store.execute('replace-key', { actor, from: from.keyId, to: to.keyId, secrets });
  if (!done.ok) throw new KeyError(`the key was not changed: ${done.error.message}`);
  return { secrets: secrets.length };
}
