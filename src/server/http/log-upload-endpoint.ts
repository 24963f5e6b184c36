import { z } from 'zod';
import { logBatchReplySchema, MAX_STEP_NUMBER } from '../../protocol/agent-api.ts';
import type { AgentApi } from '../../protocol/agent-api.ts';
import { decodeLogBatch } from '../../protocol/log-batch.ts';
import { failure, unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';

/** Of one chunk; agents send less. */
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** Of several; agents send less. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

export function logUploadEndpoints(api: AgentApi): Endpoint[] {
  return [oneLog(api), severalLogs(api)];
}

function severalLogs(api: AgentApi): Endpoint {
  return endpoint<{ session: string }, never, Buffer, z.infer<typeof logBatchReplySchema>>({
    method: 'post',
    path: '/v1/sessions/{session}/logs',
    summary: 'Appends to several logs at once; each is answered for itself.',
    access: { kind: 'session' },
    priority: 'log',
    params: z.strictObject({ session: z.string() }),
    body: { kind: 'bytes', maxBytes: MAX_BATCH_BYTES },
    reply: { kind: 'json', schema: logBatchReplySchema, status: 200 },
    errors: [409],
    handle: async ({ params, token, body }) => {
      const chunks = decodeLogBatch(body);
      if (chunks === null) throw failure('invalid', null, 'the body is no list of chunks with their bytes behind it');
      const results = unwrap(await api.appendLogs({ session: params.session, token }, chunks));
      return { results: results.map((one) => (one.ok ? one.value : { error: one.error })) };
    },
  });
}

function oneLog(api: AgentApi): Endpoint {
  return endpoint<{ attempt: string; step: number }, { offset: string }, Buffer, Response>({
    method: 'patch',
    path: '/v1/attempts/{attempt}/logs/{step}',
    summary: "Appends to a step's log, at its end. X-Fence and X-CRC32 (hex, of the bytes) are needed.",
    access: { kind: 'session' },
    priority: 'log',
    params: z.strictObject({ attempt: z.string(), step: z.coerce.number().int().min(0).max(MAX_STEP_NUMBER) }),
    query: z.strictObject({ offset: z.string().regex(/^\d{1,15}$/, 'expected a number of bytes') }),
    body: { kind: 'bytes', maxBytes: MAX_CHUNK_BYTES },
    reply: { kind: 'none', status: 204 },
    errors: [404, 409, 416, 507],
    handle: async ({ params: { attempt, step }, query: { offset }, token, header, body }) => {
      const fence = header('x-fence') ?? '';
      const crc32 = header('x-crc32') ?? '';
      if (!/^\d{1,15}$/.test(fence)) throw failure('invalid', null, 'X-Fence is needed: the fence of the attempt');
      if (!/^[0-9a-f]{8}$/i.test(crc32))
        throw failure('invalid', 'checksum', 'X-CRC32 is needed: the CRC-32 of the bytes, 8 digits in hex');
      const key = { session: header('x-session') ?? '', token };
      const chunk = {
        attempt,
        step,
        fence: Number(fence),
        offset: Number(offset),
        crc32: crc32.toLowerCase(),
        bytes: body,
      };
      const { received, durable } = unwrap(await api.appendLog(key, chunk));
      const headers = { 'Upload-Offset': String(received), 'Durable-Offset': String(durable) };
      return new Response(null, { status: 204, headers });
    },
  });
}
