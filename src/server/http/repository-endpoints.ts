import { z } from 'zod';
import {
  auditListSchema,
  auditQuerySchema,
  repositoryListSchema,
  repositoryRequestSchema,
  repositoryViewSchema,
} from '../../protocol/keeping-api.ts';
import { repositoryNameSchema } from '../../protocol/run-api.ts';
import type { RunService } from '../runs/run-service.ts';
import type { Store } from '../store.ts';
import { unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';
import { check } from './read-json.ts';

const params = z.strictObject({ owner: z.string(), name: z.string() });

export function repositoryEndpoints(store: Store, runs: Pick<RunService, 'refreshSchedules'>): Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/v1/repositories',
      summary: 'Registered repositories.',
      access: { kind: 'scope', scope: 'runs:read' },
      reply: { kind: 'json', schema: repositoryListSchema, status: 200 },
      errors: [],
      handle: async () => unwrap(await store.execute('list-repositories', {})),
    }),
    endpoint({
      method: 'put',
      path: '/v1/repositories/{owner}/{name}',
      summary: 'Registers a repository, or changes it.',
      access: { kind: 'scope', scope: 'admin' },
      params,
      body: { kind: 'json', schema: repositoryRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: repositoryViewSchema, status: 200 },
      errors: [],
      handle: async ({ params, body, caller: { actor } }) =>
        unwrap(await store.execute('set-repository', { actor, name: nameOf(params), ...body })),
    }),
    endpoint({
      method: 'delete',
      path: '/v1/repositories/{owner}/{name}',
      summary: 'Forgets a repository with its secrets, variables and schedules; its runs stay.',
      access: { kind: 'scope', scope: 'admin' },
      params,
      reply: { kind: 'none', status: 204 },
      errors: [404],
      handle: async ({ params, caller: { actor } }) =>
        unwrap(await store.execute('delete-repository', { actor, name: nameOf(params) })),
    }),
    endpoint({
      method: 'post',
      path: '/v1/repositories/{owner}/{name}/schedules',
      summary: 'Reads the schedules of the default branch anew; a run of that branch does the same.',
      access: { kind: 'scope', scope: 'runs:write' },
      params,
      reply: { kind: 'json', schema: z.strictObject({ schedules: z.number().int() }), status: 200 },
      errors: [404],
      handle: async ({ params, caller: { name }, signal }) =>
        unwrap(await runs.refreshSchedules(nameOf(params), name, signal)),
    }),
    endpoint({
      method: 'get',
      path: '/v1/audit',
      summary: 'Who changed what, newest first.',
      access: { kind: 'scope', scope: 'audit:read' },
      query: auditQuerySchema,
      reply: { kind: 'json', schema: auditListSchema, status: 200 },
      errors: [],
      handle: async ({ query: { cursor = null, since, ...rest } }) =>
        unwrap(
          await store.execute('list-audit', {
            ...rest,
            cursor,
            ...(since !== undefined && { since: Date.parse(since) }),
          }),
        ),
    }),
  ];
}

function nameOf({ owner, name }: { owner: string; name: string }): string {
  return check(`${owner}/${name}`, repositoryNameSchema, 'the name');
}
