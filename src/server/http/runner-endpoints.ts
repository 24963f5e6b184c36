import { z } from 'zod';
import { runnerListSchema } from '../../protocol/keeping-api.ts';
import type { Store } from '../store.ts';
import { unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Endpoint } from './endpoint.ts';

const writes: Access = { kind: 'scope', scope: 'runners:write' };
const params = z.strictObject({ runner: z.string().max(200) });

/** Runners as people see them; `{runner}` is an id or a name. */
export function runnerEndpoints(store: Store): Endpoint[] {
  const pause = (path: string, summary: string, paused: boolean): Endpoint =>
    endpoint({
      method: 'post',
      path,
      summary,
      access: writes,
      params,
      reply: { kind: 'none', status: 204 },
      errors: [404, 409],
      handle: async ({ params: { runner }, caller: { actor } }) =>
        unwrap(await store.execute('pause-runner', { actor, runner, paused })),
    });
  return [
    endpoint({
      method: 'get',
      path: '/v1/runners',
      summary: 'Registered runners, by name.',
      access: { kind: 'scope', scope: 'runners:read' },
      reply: { kind: 'json', schema: runnerListSchema, status: 200 },
      errors: [],
      handle: async () => ({ runners: [...unwrap(await store.execute('list-runners', {})).runners] }),
    }),
    pause('/v1/runners/{runner}/pause', 'Offers a runner nothing; it ends what it has.', true),
    pause('/v1/runners/{runner}/resume', 'Offers a paused runner jobs again.', false),
    endpoint({
      method: 'post',
      path: '/v1/runners/{runner}/drain',
      summary: 'Its agent ends what it has, then itself; started again, it takes jobs again.',
      access: writes,
      params,
      reply: { kind: 'none', status: 204 },
      errors: [404, 409],
      handle: async ({ params: { runner }, caller: { actor } }) =>
        unwrap(await store.execute('drain-runner', { actor, runner })),
    }),
    endpoint({
      method: 'delete',
      path: '/v1/runners/{runner}',
      summary: 'Removes a runner; it has to be registered anew.',
      access: writes,
      params,
      query: z.strictObject({ force: z.stringbool().default(false).describe('Also while it has jobs.') }),
      reply: { kind: 'none', status: 204 },
      errors: [404, 409],
      handle: async ({ params: { runner }, query: { force }, caller: { actor } }) =>
        unwrap(await store.execute('remove-runner', { actor, runner, force })),
    }),
  ];
}
