import type { Scope } from '../../protocol/run-api.ts';

/** A token that is to be given or taken away. */
export interface TokenRights {
  readonly kind: 'user' | 'registration';
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Who wants that, by their own token. */
export type TokenGiver = Pick<TokenRights, 'name' | 'scopes'>;

/**
 * Nobody gives or takes away what they have not themselves. Approvals go by names of tokens: only `admin` has to do with
 * one of another name, so nobody names themselves an approver.
 *
 * @returns the scope that is missing, and what for; null: nothing is.
 */
export function missingRight(
  what: 'give' | 'revoke',
  { kind, name, scopes }: TokenRights,
  giver: TokenGiver,
): { readonly scope: Scope; readonly message: string } | null {
  if (giver.scopes.includes('admin')) return null;
  const wanted: readonly Scope[] = kind === 'registration' ? ['runners:write'] : scopes;
  const missing = wanted.find((scope) => !giver.scopes.includes(scope));
  const verb = what === 'give' ? 'to give the scope' : 'to revoke a token with the scope';
  if (missing !== undefined) return { scope: missing, message: `${verb} ${missing}, your own token needs it` };
  if (kind !== 'user' || name === giver.name) return null;
  const [first, then] = what === 'give' ? ['make a token for', 'make'] : ['revoke the token of', 'revoke'];
  return {
    scope: 'admin',
    message: `to ${first} '${name}', your own token needs the scope admin; without it, you ${then} tokens of your own name, '${giver.name}'`,
  };
}
