import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  demandSchema,
  groupListSchema,
  groupNameSchema,
  groupRequestSchema,
  jitReplySchema,
  jitRequestSchema,
} from '../../protocol/fleet-api.ts';
import { writeJitConfig } from '../../protocol/jit-config.ts';
import { mintToken, TOKEN_BYTES } from '../secrets/token.ts';
import type { Store } from '../store.ts';
import { failure, unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Endpoint } from './endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';
import { jsonResponse } from './respond.ts';

const reads: Access = { kind: 'scope', scope: 'runners:read' };
const ofGroup = z.strictObject({ group: groupNameSchema });

/** Groups of runners, what they need, and runners for one job. */
export function fleetEndpoints(store: Store, randomBytes: (count: number) => Uint8Array): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/v1/runners/jit',
      summary: 'A configuration in one string, good for one runner, of one job.',
      access: { kind: 'scope', scope: 'runners:jit' },
      body: { kind: 'json', schema: jitRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: jitReplySchema, status: 201 },
      errors: [404, 409],
      handle: async ({ body: { name = null, labels, group, expiresSeconds }, caller }) => {
        const { actor } = caller;
        if (caller.group !== null && caller.group !== group)
          throw failure(
            'unauthorized',
            'scope-missing',
            `the token ${caller.name} makes runners of the group ${caller.group} alone, not of ${group}`,
          );
        const { token, hash } = mintToken('registration', randomBytes(TOKEN_BYTES));
        const input = { actor, hash, name, labels, group, expiresMs: expiresSeconds * 1_000 };
        const { server, ...made } = unwrap(await store.execute('create-jit', input));
        return { ...made, config: writeJitConfig({ version: 1, server, token, name: made.name, labels }) };
      },
    }),
    endpoint({
      method: 'get',
      path: '/v1/groups',
      summary: 'Groups of runners, by name.',
      access: reads,
      reply: { kind: 'json', schema: groupListSchema, status: 200 },
      errors: [],
      handle: async () => unwrap(await store.execute('list-groups', {})),
    }),
    endpoint({
      method: 'put',
      path: '/v1/groups/{group}',
      summary: 'Makes a group of runners, or says anew who may use it.',
      access: { kind: 'scope', scope: 'admin' },
      params: ofGroup,
      body: { kind: 'json', schema: groupRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'none', status: 204 },
      errors: [],
      handle: async ({ params, body, caller: { actor } }) =>
        unwrap(await store.execute('set-group', { actor, name: params.group, ...body })),
    }),
    endpoint({
      method: 'delete',
      path: '/v1/groups/{group}',
      summary: 'Removes a group that has no runners.',
      access: { kind: 'scope', scope: 'admin' },
      params: ofGroup,
      reply: { kind: 'none', status: 204 },
      errors: [404, 409],
      handle: async ({ params, caller: { actor } }) =>
        unwrap(await store.execute('remove-group', { actor, name: params.group })),
    }),
    endpoint({
      method: 'get',
      path: '/v1/pools/{pool}/demand',
      summary: 'What a pool (a group of runners) needs now, for autoscalers; 304 for the ETag in If-None-Match.',
      access: reads,
      params: z.strictObject({ pool: groupNameSchema }),
      query: z.strictObject({
        labels: z
          .string()
          .max(10_000)
          .default('')
          .describe('All of those of the runners to add, with commas; default: any.'),
      }),
      reply: { kind: 'json', schema: demandSchema, status: 200 },
      errors: [404],
      handle: async ({ params: { pool }, query, header }) => {
        const labels = query.labels.split(',').flatMap((label) => label.trim() || []);
        const demand = unwrap(await store.execute('pool-demand', { pool, labels }));
        const tag = `"${createHash('sha256').update(JSON.stringify(demand)).digest('hex').slice(0, 16)}"`;
        if (header('if-none-match') === tag) return new Response(null, { status: 304, headers: { etag: tag } });
        const response = jsonResponse(demand, 200, '');
        response.headers.set('etag', tag);
        return response;
      },
    }),
  ];
}
