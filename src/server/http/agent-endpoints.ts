import { z } from 'zod';
import {
  acceptReplySchema,
  declineSchema,
  drainReplySchema,
  fenceSchema,
  unregisterRequestSchema,
  nonceReplySchema,
  pollReplySchema,
  pollRequestSchema,
  registerReplySchema,
  registerRequestSchema,
  sessionReplySchema,
  sessionRequestSchema,
  syncReplySchema,
  syncRequestSchema,
} from '../../protocol/agent-api.ts';
import type { AcceptReply, AgentApi } from '../../protocol/agent-api.ts';
import { unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Endpoint } from './endpoint.ts';
import { logUploadEndpoints } from './log-upload-endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';

/** Ten thousand attempts, or their records. */
const MAX_STATE_BYTES = 4 * 1024 * 1024;
const MAX_SYNC_BYTES = 32 * 1024 * 1024;

const session: Access = { kind: 'session' };
const ofSession = z.strictObject({ session: z.string() });
const ofAttempt = z.strictObject({ attempt: z.string() });

/** The message is a type of its own; the document shows it as the object that it is. */
const acceptedSchema = acceptReplySchema.extend({ message: z.looseObject({}) }) as unknown as z.ZodType<AcceptReply>;

/** The agents' part of the API, thin over the service. */
export function agentEndpoints(api: AgentApi): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/v1/runners',
      summary: 'Registers a runner.',
      access: { kind: 'registration' },
      body: { kind: 'json', schema: registerRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: registerReplySchema, status: 201 },
      errors: [409],
      handle: async ({ token, body }) => unwrap(await api.register(token, body)),
    }),
    endpoint({
      method: 'post',
      path: '/v1/nonces',
      summary: 'Something to sign, for a session.',
      access: { kind: 'open' },
      priority: 'sync',
      reply: { kind: 'json', schema: nonceReplySchema, status: 201 },
      errors: [],
      handle: async () => unwrap(await api.nonce()),
    }),
    endpoint({
      method: 'post',
      path: '/v1/runners/{runner}/unregister',
      summary: 'A runner takes itself off the list; signed as a session is.',
      access: { kind: 'open' },
      priority: 'sync',
      params: z.strictObject({ runner: z.string().max(200) }),
      body: { kind: 'json', schema: unregisterRequestSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'none', status: 204 },
      errors: [401, 409],
      handle: async ({ params: { runner }, body }) => unwrap(await api.unregister(runner, body)),
    }),
    endpoint({
      method: 'post',
      path: '/v1/sessions',
      summary: "Opens a runner's session; the newest one counts.",
      access: { kind: 'open' },
      priority: 'sync',
      body: { kind: 'json', schema: sessionRequestSchema, maxBytes: MAX_STATE_BYTES },
      reply: { kind: 'json', schema: sessionReplySchema, status: 201 },
      errors: [401, 403, 409],
      handle: async ({ body }) => unwrap(await api.openSession(body)),
    }),
    endpoint({
      method: 'delete',
      path: '/v1/sessions/{session}',
      summary: 'Ends a session.',
      access: session,
      priority: 'sync',
      params: ofSession,
      reply: { kind: 'none', status: 204 },
      errors: [409],
      handle: async ({ params, token }) => unwrap(await api.closeSession({ session: params.session, token })),
    }),
    endpoint({
      method: 'post',
      path: '/v1/sessions/{session}/poll',
      summary: 'Held until there is something to tell; 204 when nothing came up.',
      access: session,
      priority: 'poll',
      params: ofSession,
      body: { kind: 'json', schema: pollRequestSchema, maxBytes: MAX_STATE_BYTES },
      reply: { kind: 'json', schema: pollReplySchema, status: 200 },
      errors: [409],
      held: true,
      handle: async ({ params, token, body, signal }) => {
        const reply = await api.poll({ session: params.session, token }, body, signal).catch((error: unknown) => {
          // Whoever asked has gone, or this server goes: the next poll says it all again.
          if (signal.aborted) return null;
          throw error;
        });
        return (reply && unwrap(reply)) ?? new Response(null, { status: 204 });
      },
    }),
    endpoint({
      method: 'post',
      path: '/v1/sessions/{session}/sync',
      summary: 'Leases, records and commands of all attempts in one call.',
      access: session,
      priority: 'sync',
      params: ofSession,
      body: { kind: 'json', schema: syncRequestSchema, maxBytes: MAX_SYNC_BYTES },
      reply: { kind: 'json', schema: syncReplySchema, status: 200 },
      errors: [409],
      handle: async ({ params, token, body }) => unwrap(await api.sync({ session: params.session, token }, body)),
    }),
    endpoint({
      method: 'post',
      path: '/v1/sessions/{session}/drain',
      summary: 'Withdraws open offers; none is made any more.',
      access: session,
      priority: 'sync',
      params: ofSession,
      reply: { kind: 'json', schema: drainReplySchema, status: 200 },
      errors: [409],
      handle: async ({ params, token }) => unwrap(await api.drain({ session: params.session, token })),
    }),
    endpoint({
      method: 'post',
      path: '/v1/attempts/{attempt}/accept',
      summary: 'Takes an offer; answered with the job and its sealed secrets.',
      access: session,
      priority: 'log',
      params: ofAttempt,
      body: { kind: 'json', schema: fenceSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'json', schema: acceptedSchema, status: 200 },
      errors: [404, 409],
      handle: async ({ params: { attempt }, token, header, body: { fence } }) =>
        unwrap(await api.accept({ session: header('x-session') ?? '', token }, attempt, fence)),
    }),
    endpoint({
      method: 'post',
      path: '/v1/attempts/{attempt}/decline',
      summary: 'Gives an offer back.',
      access: session,
      priority: 'sync',
      params: ofAttempt,
      body: { kind: 'json', schema: declineSchema, maxBytes: SMALL_BODY_BYTES },
      reply: { kind: 'none', status: 204 },
      errors: [404, 409],
      handle: async ({ params: { attempt }, token, header, body }) =>
        unwrap(await api.decline({ session: header('x-session') ?? '', token }, attempt, body)),
    }),
    ...logUploadEndpoints(api),
  ];
}
