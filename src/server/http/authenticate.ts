import type { Store } from '../store.ts';
import { readToken } from '../secrets/token.ts';
import type { TokenKind } from '../secrets/token.ts';
import { failure, unwrap } from './api-failure.ts';
import type { Access, Caller } from './endpoint.ts';

export interface Identity {
  readonly caller: Caller;
  readonly token: string;
  /** What limits are counted by. */
  readonly key: string;
}

const NOBODY: Caller = { actor: 'nobody', name: 'nobody', scopes: [], group: null };
const WHAT_IS_NEEDED: Readonly<Record<TokenKind, string>> = {
  user: 'a user token',
  registration: 'a registration token',
  session: 'the token of a session',
};

/** Refuses with 401 who has no token that counts, and with 403 who may not do this. */
export async function authenticate(
  store: Store,
  access: Access,
  authorization: string | undefined,
  address: string,
): Promise<Identity> {
  if (access.kind === 'open') return { caller: NOBODY, token: '', key: address };
  const kind = access.kind === 'scope' ? 'user' : access.kind;
  if (authorization === undefined)
    throw failure('unauthorized', 'token-unknown', `${WHAT_IS_NEEDED[kind]} is needed: Authorization: Bearer pcl_…`);
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const read = token === undefined ? null : readToken(token);
  if (token === undefined || read === null)
    throw failure(
      'unauthorized',
      'token-unknown',
      'this is no token of Paceline, or not the whole of one: they begin with pcl_ and have a checksum',
    );
  if (read.kind !== kind)
    throw failure(
      'unauthorized',
      'scope-missing',
      `${WHAT_IS_NEEDED[kind]} is needed here, not ${WHAT_IS_NEEDED[read.kind]}`,
    );
  // Of the other kinds the service behind the route knows more.
  if (access.kind !== 'scope') return { caller: NOBODY, token, key: read.hash };
  const found = unwrap(await store.execute('find-token', { hash: read.hash }));
  const { scope, or = [] } = access;
  if (![scope, ...or, 'admin' as const].some((enough) => found.scopes.includes(enough)))
    throw failure('unauthorized', 'scope-missing', `the token ${found.name} has not the scope ${scope}`, { scope });
  // When it was last used is good to know; the request does not depend on it.
  if (found.stale) void store.execute('touch-token', { id: found.id });
  const { id, name, scopes, group } = found;
  return { caller: { actor: `${name} (token ${id})`, name, scopes, group }, token: '', key: read.hash };
}
