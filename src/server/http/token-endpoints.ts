import { z } from 'zod';
import { newTokenSchema, pageSchema, tokenListSchema } from '../../protocol/keeping-api.ts';
import { tokenRequestSchema } from '../../protocol/run-api.ts';
import type { Scope, TokenRequest } from '../../protocol/run-api.ts';
import { missingRight } from '../secrets/token-rights.ts';
import { mintToken, TOKEN_BYTES } from '../secrets/token.ts';
import type { Store } from '../store.ts';
import { failure, unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Caller, Endpoint } from './endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';

const MAX_REGISTRATION_SECONDS = 30 * 24 * 60 * 60;

export function tokenEndpoints(store: Store, randomBytes: (count: number) => Uint8Array): Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/v1/tokens',
      summary: 'Tokens, newest first; never the token itself.',
      access: { kind: 'scope', scope: 'tokens:write' },
      query: pageSchema,
      reply: { kind: 'json', schema: tokenListSchema, status: 200 },
      errors: [],
      handle: async ({ query: { cursor = null, limit } }) =>
        unwrap(await store.execute('list-tokens', { cursor, limit })),
    }),
    endpoint({
      method: 'post',
      path: '/v1/tokens',
      summary: 'A token for people and programs, or one to register runners with. Nobody gives what they have not.',
      access: { kind: 'scope', scope: 'tokens:write' },
      body: { kind: 'json', schema: tokenRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: newTokenSchema, status: 201 },
      errors: [404],
      handle: async ({ body, caller }) => {
        demandGrantable(body, caller);
        const { token, hash } = mintToken(body.kind, randomBytes(TOKEN_BYTES));
        const { kind, name, scopes, uses, group } = body;
        const expiresMs = lifeOf(body);
        const input = { actor: caller.actor, kind, name, hash, scopes, expiresMs, uses, ...(group && { group }) };
        return { token, view: unwrap(await store.execute('create-token', input)) };
      },
    }),
    endpoint({
      method: 'delete',
      path: '/v1/tokens/{token}',
      summary:
        'Revokes a token, at once. Nobody revokes what they could not give, nor anybody the last one with `admin`.',
      access: { kind: 'scope', scope: 'tokens:write' },
      params: z.strictObject({ token: z.coerce.number().int() }),
      reply: { kind: 'none', status: 204 },
      errors: [404, 409],
      handle: async ({ params, caller }) => {
        const { actor, name, scopes } = caller;
        return unwrap(await store.execute('revoke-token', { actor, by: { name, scopes }, id: params.token }));
      },
    }),
  ];
}

function demandGrantable(request: TokenRequest, caller: Caller): void {
  const { kind, scopes, group } = request;
  if (kind === 'user' && group !== undefined && !isForJit(scopes))
    throw failure(
      'invalid',
      null,
      'a group is of runners: a token of the kind registration takes one, and one with the scope runners:jit, and runners:read at most',
    );
  if (kind === 'registration' && scopes.length > 0)
    throw failure('invalid', null, 'a registration token has no scopes: it registers runners and nothing else');
  const missing = missingRight('give', request, caller);
  if (missing !== null) throw failure('unauthorized', 'scope-missing', missing.message, { scope: missing.scope });
}

/** What else a token may do is not held to a group. */
function isForJit(scopes: readonly Scope[]): boolean {
  return scopes.includes('runners:jit') && scopes.every((scope) => scope === 'runners:jit' || scope === 'runners:read');
}

function lifeOf({ kind, expiresSeconds }: TokenRequest): number | null {
  if (kind === 'user') return expiresSeconds === null ? null : expiresSeconds * 1000;
  return Math.min(expiresSeconds ?? MAX_REGISTRATION_SECONDS, MAX_REGISTRATION_SECONDS) * 1000;
}
