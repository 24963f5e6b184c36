import { resolveSecrets } from '../../flow/resolve-secrets.ts';
import type { SealedSecrets } from '../../protocol/agent-api.ts';
import type { ComposedMessage } from './compose-message.ts';

/** Also the token of `github.token` and of the clone URL, as on GitHub. */
const TOKEN = 'GITHUB_TOKEN';

/**
 * The secrets of a job, opened. `decrypt` is the secret box's.
 * @throws ExpressionError when a secret that a call maps cannot be evaluated; what `decrypt` throws.
 */
export function jobSecrets(
  { secrets, layers, shared, tokenClones }: ComposedMessage,
  decrypt: (
    ciphertext: string,
    place: { readonly scope: string; readonly name: string; readonly version: number },
  ) => string,
): SealedSecrets {
  const all = Object.fromEntries(secrets.map(({ ciphertext, ...place }) => [place.name, decrypt(ciphertext, place)]));
  return {
    secrets: resolveSecrets(all, layers, shared),
    // A called workflow may not be given a secret; its steps can have it all the same, out of a file or an output.
    masks: Object.values(all),
    cloneToken: tokenClones ? (all[TOKEN] ?? null) : null,
  };
}
