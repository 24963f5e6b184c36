import type { ApiResult } from '../../protocol/api-error.ts';
import type { Store } from '../store.ts';
import type { SecretBox } from './secret-box.ts';
import type { NamedSecret } from './secret-operations.ts';

/** Others that set the same secret at the same time are given way to this often. */
const MAX_TRIES = 5;

/** Encrypts a value for its place and version, and stores it. */
export async function setSecretValue(
  store: Store,
  box: SecretBox,
  input: { readonly actor: string; readonly scope: string; readonly name: string; readonly value: string },
): Promise<ApiResult<NamedSecret>> {
  const { actor, scope, value } = input;
  const name = input.name.toUpperCase();
  for (let tries = 1; ; tries += 1) {
    const next = await store.execute('next-secret-version', { scope, name });
    if (!next.ok) return next;
    const { version } = next.value;
    const ciphertext = box.encrypt(value, { scope, name, version });
    const set = await store.execute('set-secret', { actor, scope, name, version, ciphertext, keyId: box.keyId });
    if (set.ok || set.error.code !== 'conflict' || tries === MAX_TRIES) return set;
  }
}
