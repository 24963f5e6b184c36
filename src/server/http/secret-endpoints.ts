import { z } from 'zod';
import {
  scopeQuerySchema,
  secretListSchema,
  secretNameSchema,
  secretRequestSchema,
  secretViewSchema,
  variableListSchema,
  variableRequestSchema,
  variableViewSchema,
} from '../../protocol/keeping-api.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { setSecretValue } from '../secrets/set-secret.ts';
import type { Store } from '../store.ts';
import { unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Endpoint } from './endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';

const access: Access = { kind: 'scope', scope: 'secrets:write' };
const params = z.strictObject({ name: secretNameSchema });
const query = scopeQuerySchema;

/** Secrets go in and never come out; variables do. */
export function secretEndpoints(store: Store, box: SecretBox): Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/v1/secrets',
      summary: 'Names of secrets.',
      access,
      query,
      reply: { kind: 'json', schema: secretListSchema, status: 200 },
      errors: [],
      handle: async ({ query: { repository: scope = '' } }) => unwrap(await store.execute('list-secrets', { scope })),
    }),
    endpoint({
      method: 'put',
      path: '/v1/secrets/{name}',
      summary: 'Sets a secret; it is encrypted before it is stored, and no route gives it out.',
      access,
      params,
      query,
      body: { kind: 'json', schema: secretRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: secretViewSchema, status: 200 },
      errors: [404, 409],
      handle: async ({ params: { name }, query: { repository: scope = '' }, body: { value }, caller: { actor } }) =>
        unwrap(await setSecretValue(store, box, { actor, scope, name, value })),
    }),
    endpoint({
      method: 'delete',
      path: '/v1/secrets/{name}',
      summary: 'Deletes a secret.',
      access,
      params,
      query,
      reply: { kind: 'none', status: 204 },
      errors: [404],
      handle: async ({ params: { name }, query: { repository: scope = '' }, caller: { actor } }) =>
        unwrap(await store.execute('delete-secret', { actor, scope, name })),
    }),
    endpoint({
      method: 'get',
      path: '/v1/variables',
      summary: 'Variables with their values.',
      access,
      query,
      reply: { kind: 'json', schema: variableListSchema, status: 200 },
      errors: [],
      handle: async ({ query: { repository: scope = '' } }) => unwrap(await store.execute('list-variables', { scope })),
    }),
    endpoint({
      method: 'put',
      path: '/v1/variables/{name}',
      summary: 'Sets a variable.',
      access,
      params,
      query,
      body: { kind: 'json', schema: variableRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: variableViewSchema, status: 200 },
      errors: [404],
      handle: async ({ params: { name }, query: { repository: scope = '' }, body: { value }, caller: { actor } }) =>
        unwrap(await store.execute('set-variable', { actor, scope, name, value })),
    }),
    endpoint({
      method: 'delete',
      path: '/v1/variables/{name}',
      summary: 'Deletes a variable.',
      access,
      params,
      query,
      reply: { kind: 'none', status: 204 },
      errors: [404],
      handle: async ({ params: { name }, query: { repository: scope = '' }, caller: { actor } }) =>
        unwrap(await store.execute('delete-variable', { actor, scope, name })),
    }),
  ];
}
