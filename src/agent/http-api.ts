import type { z } from 'zod';
import {
  acceptReplySchema,
  type AgentApi,
  drainReplySchema,
  logBatchReplySchema,
  type LogReply,
  nonceReplySchema,
  pollReplySchema,
  registerReplySchema,
  type SessionKey,
  sessionReplySchema,
  syncReplySchema,
} from '../protocol/agent-api.ts';
import type { ApiError, ApiResult } from '../protocol/api-error.ts';
import { encodeLogBatch } from '../protocol/log-batch.ts';
import { connectionProblem, mayWantClientCertificate } from '../kernel/connection-problem.ts';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import { openConnections, type Pools, type RenewalPorts } from './connections.ts';
import { noAnswer, type Reply, readReply } from './read-reply.ts';

/** An answer to anything but a poll. */
const REQUEST_MS = 15_000;
/** A renewal is not waited for longer than this part of the lease: one that goes astray is sent again in time. */
const RENEWAL_PART = 1 / 4;
/** Of a poll, which the server holds: longer than it may, shorter than a dead connection may go unnoticed. */
const POLL_MS = 150_000;
/** What was held before, or a megabyte of log, on a slow line. */
const UPLOAD_MS = 60_000;
/** Of a slow line: what is short is not waited for as long. */
const BYTES_PER_MS = 24;

/** Far above any answer there is: what goes on for ever must not fill the memory. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

export interface HttpApi extends AgentApi {
  /** Lets go of the connections. */
  close(): Promise<void>;
}

interface Pending {
  /** On the clock of `performance`. */
  readonly at: number;
  /** As if its time were over. */
  readonly giveUp: () => void;
}

interface Ask {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
  readonly headers?: Record<string, string>;
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The client of a server's HTTP API; loads undici. Rejects with a `NetworkProblem` for settings that are wrong.
 *
 * @param server Its address, such as `https://ci.example.com`.
 */
export async function openHttpApi(
  server: string,
  network: NetworkSettings,
  version: string,
  renewal?: RenewalPorts,
): Promise<HttpApi> {
  const connections = await openConnections(server, network, renewal);
  const base = server.replace(/\/+$/, '');
  const mayWantCertificate = mayWantClientCertificate(server, network);
  let renewalMs = REQUEST_MS;
  const pending = new Set<Pending>();
  /** When the last renewal was given up that got no answer; null: the server was heard of since. */
  let silentAt: number | null = null;

  /** What was asked before the line went dead is not answered any more, and nobody would notice it for minutes. */
  const heardSince = (askedAt: number): void => {
    if (silentAt === null || askedAt < silentAt) return;
    for (const { at, giveUp } of pending) if (at < silentAt) giveUp();
    silentAt = null;
  };

  const ask = async (
    { method, path, token, body, bytes, headers, limitMs, signal }: Ask,
    on: keyof Pools,
  ): Promise<Reply> => {
    const controller = new AbortController();
    let late = false;
    const isLate = (): boolean => late;
    const asked: Pending = {
      at: performance.now(),
      giveUp: () => {
        late = true;
        controller.abort();
      },
    };
    const timer = setTimeout(asked.giveUp, limitMs);
    pending.add(asked);
    const leave = (): void => controller.abort();
    if (signal?.aborted) leave();
    else signal?.addEventListener('abort', leave, { once: true });
    try {
      const response = await connections.request(`${base}/v1${path}`, {
        method,
        dispatcher: (await connections.pools())[on],
        headers: {
          accept: 'application/json',
          'user-agent': `paceline-agent/${version}`,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }),
          ...headers,
        },
        body: bytes ?? (body === undefined ? null : JSON.stringify(body)),
        signal: controller.signal,
      });
      heardSince(asked.at);
      return {
        kind: 'answer',
        status: response.statusCode,
        headers: response.headers,
        text: await textOf(response.body),
      };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return isLate()
        ? { kind: 'timeout', ms: performance.now() - asked.at }
        : { kind: 'none', why: connectionProblem(error, mayWantCertificate) };
    } finally {
      clearTimeout(timer);
      pending.delete(asked);
      signal?.removeEventListener('abort', leave);
    }
  };
  const post = (key: SessionKey | string | null, path: string, body: unknown, limitMs = REQUEST_MS): Promise<Reply> => {
    if (key === null || typeof key === 'string')
      return ask({ method: 'POST', path, body, limitMs, ...(key === null ? {} : { token: key }) }, 'main');
    return ask({ method: 'POST', path, body, limitMs, token: key.token, headers: sessionOf(key) }, 'main');
  };
  const sessionPath = ({ session }: SessionKey): string => `/sessions/${encodeURIComponent(session)}`;
  const attemptPath = (attempt: string): string => `/attempts/${encodeURIComponent(attempt)}`;

  return {
    register: async (token, body) => readReply(await post(token, '/runners', body), registerReplySchema),
    nonce: async () => readReply(await post(null, '/nonces', {}), nonceReplySchema),
    unregister: async (runner, body) =>
      readReply(await post(null, `/runners/${encodeURIComponent(runner)}/unregister`, body), null),
    openSession: async (body) => readReply(await post(null, '/sessions', body, UPLOAD_MS), sessionReplySchema),
    closeSession: async (key) => {
      const path = sessionPath(key);
      return readReply(await ask({ method: 'DELETE', path, token: key.token, limitMs: REQUEST_MS }, 'main'), null);
    },
    poll: async (key, body, signal) => {
      const path = `${sessionPath(key)}/poll`;
      const reply = await ask({ method: 'POST', path, body, token: key.token, limitMs: POLL_MS, signal }, 'held');
      if (reply.kind === 'timeout' || (reply.kind === 'answer' && reply.status === 204))
        return { ok: true, value: null };
      return readReply(reply, pollReplySchema);
    },
    accept: async (key, attempt, fence) =>
      readReply(await post(key, `${attemptPath(attempt)}/accept`, { fence }), acceptReplySchema),
    decline: async (key, attempt, body) => readReply(await post(key, `${attemptPath(attempt)}/decline`, body), null),
    sync: async (key, body) => {
      const reply = await post(key, `${sessionPath(key)}/sync`, body, renewalMs);
      if (reply.kind === 'timeout') silentAt = performance.now();
      const result = readReply(reply, syncReplySchema);
      if (result.ok) renewalMs = Math.min(REQUEST_MS, result.value.leaseMs * RENEWAL_PART);
      return result;
    },
    appendLog: async (key, { attempt, step, fence, offset, crc32, bytes }) => {
      const path = `${attemptPath(attempt)}/logs/${step}?offset=${offset}`;
      const headers = { ...sessionOf(key), 'x-fence': String(fence), 'x-crc32': crc32 };
      const limitMs = Math.min(UPLOAD_MS, REQUEST_MS + bytes.length / BYTES_PER_MS);
      const upload = { method: 'PATCH', path, token: key.token, headers, bytes, limitMs } as const;
      return logReply(await ask(upload, 'main'));
    },
    appendLogs: async (key, chunks) => {
      const bytes = encodeLogBatch(chunks);
      const limitMs = Math.min(UPLOAD_MS, REQUEST_MS + bytes.length / BYTES_PER_MS);
      const path = `${sessionPath(key)}/logs`;
      const reply = await ask(
        { method: 'POST', path, token: key.token, headers: sessionOf(key), bytes, limitMs },
        'main',
      );
      return batchReply(readReply(reply, logBatchReplySchema), chunks.length);
    },
    drain: async (key) => readReply(await post(key, `${sessionPath(key)}/drain`, {}), drainReplySchema),
    close: async () => {
      await connections.close();
    },
  };
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_REPLY_BYTES) throw new Error('an answer that has no end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString();
}

/** Calls of an attempt name their session beside their path. */
function sessionOf({ session }: SessionKey): Record<string, string> {
  return { 'x-session': session };
}

function batchReply(
  result: ApiResult<z.infer<typeof logBatchReplySchema>>,
  chunks: number,
): ApiResult<readonly ApiResult<LogReply>[]> {
  if (!result.ok) return result;
  const { results } = result.value;
  if (results.length !== chunks) return noAnswer('the answer to several logs is not for all of them');
  return {
    ok: true,
    value: results.map((one) =>
      'error' in one ? { ok: false, error: one.error as ApiError } : { ok: true, value: one },
    ),
  };
}

function logReply(reply: Reply): ApiResult<LogReply> {
  const result = readReply(reply, null);
  if (!result.ok || reply.kind !== 'answer') return result.ok ? noAnswer('no answer') : result;
  const [received, durable] = [Number(reply.headers['upload-offset']), Number(reply.headers['durable-offset'])];
  if (!Number.isSafeInteger(received) || !Number.isSafeInteger(durable))
    return noAnswer('the answer to a log has no offsets');
  return { ok: true, value: { received, durable } };
}
