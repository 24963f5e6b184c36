import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { Store } from '../store.ts';
import type { Admission, BodyRoom } from './admission.ts';
import { ApiFailure, failure } from './api-failure.ts';
import { authenticate } from './authenticate.ts';
import type { Bindings, Endpoint } from './endpoint.ts';
import type { HeldRequests } from './held-requests.ts';
import { HttpCall } from './http-call.ts';
import { answerOnce } from './idempotency.ts';
import type { Limits } from './limits.ts';
import { readBody } from './read-body.ts';
import { check, readJson } from './read-json.ts';
import { NUL_IN_JSON, refuseNul } from './refuse-nul.ts';
import { errorResponse, jsonResponse, REQUEST_ID } from './respond.ts';

/** What all routes share. */
export interface Serving {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  readonly limits: Limits;
  readonly admission: Admission;
  readonly held: HeldRequests;
  readonly requestId: () => string;
  readonly onAnswer: (route: string, method: string, status: number, ms: number) => void;
}

type HttpContext = Context<{ Bindings: Bindings }>;

/**
 * One request: who asks, whether there is room and right for it, what it says, then the route's own work. Every way out
 * is an answer.
 */
export function serveEndpoint(endpoint: Endpoint, serving: Serving): (context: HttpContext) => Promise<Response> {
  return async (context) => {
    const began = serving.clock.monotonic();
    const requestId = context.req.header(REQUEST_ID) ?? '';
    const id = /^[\w.-]{1,64}$/.test(requestId) ? requestId : serving.requestId();
    const request = { endpoint, serving, id, began };
    try {
      const response = await answer(request, context);
      return response === RESPONSE_ALREADY_SENT ? response : told(request, response);
    } catch (error) {
      return told(request, failed(request, error));
    }
  };
}

/** A request on its way to its answer. */
interface Asked {
  readonly endpoint: Endpoint;
  readonly serving: Serving;
  readonly id: string;
  /** Monotonic milliseconds. */
  readonly began: number;
}

async function answer(request: Asked, context: HttpContext): Promise<Response> {
  const { endpoint, serving, id: requestId } = request;
  const { incoming, outgoing } = context.env;
  const bodyBytes = Number(incoming.headers['content-length'] ?? 0);
  const { admission } = serving;
  const priority = endpoint.priority ?? 'people';
  let leave = admission.enter(priority);
  const room = admission.body();
  try {
    const identity = await authenticate(
      serving.store,
      endpoint.access,
      incoming.headers.authorization,
      incoming.socket.remoteAddress ?? '',
    );
    serving.limits.demand(endpoint, identity.key, bodyBytes);
    const params = endpoint.params && checkAsked(context.req.param(), endpoint.params, 'the path');
    const query = endpoint.query && checkAsked(context.req.query(), endpoint.query, 'the query');
    let raw: Buffer | null = null;
    if (endpoint.body) {
      // Who sends slowly is not at work: others would have to wait for it.
      leave();
      raw = await bodyOf(endpoint.body, incoming, room);
      leave = admission.enter(priority);
    }
    const body = endpoint.body?.kind === 'json' ? jsonOf(raw, endpoint.body.schema) : raw;
    // What agents say is as their machines and jobs made it, and is not to be lost for one character.
    if (endpoint.access.kind === 'scope' && raw?.includes(NUL_IN_JSON) === true) refuseNul(body, 'the body');
    const { caller, token } = identity;
    const call = new HttpCall({ params, query, body, caller, token }, incoming, outgoing, serving.held);
    if (endpoint.held) {
      void answerLater(request, call, outgoing);
      return RESPONSE_ALREADY_SENT;
    }
    const reply = async (): Promise<Response> => responseOf(request, await endpoint.handle(call));
    const key = endpoint.idempotent ? incoming.headers['idempotency-key'] : undefined;
    if (typeof key !== 'string') return await reply();
    const { method } = endpoint;
    const once = { key, requestId, actor: caller.actor, method, path: context.req.path, body: raw ?? NO_BODY };
    return await answerOnce(serving.store, once, reply);
  } finally {
    leave();
    room.free();
  }
}

/**
 * Answers when there is something to say, outside of the routes: what they know of a request is more than half of what a
 * held one takes, and there are ten thousand. Never rejects.
 */
async function answerLater(request: Asked, call: HttpCall, outgoing: Bindings['outgoing']): Promise<void> {
  let response: Response;
  try {
    response = responseOf(request, await request.endpoint.handle(call));
  } catch (error) {
    response = failed(request, error);
  }
  const { status, headers } = told(request, response);
  const body = Buffer.from(await response.arrayBuffer());
  const length = response.body === null ? {} : { 'content-length': body.length };
  if (!outgoing.destroyed) outgoing.writeHead(status, { ...Object.fromEntries(headers), ...length }).end(body);
}

function responseOf({ endpoint, id }: Asked, value: unknown): Response {
  if (value instanceof Response) {
    value.headers.set(REQUEST_ID, id);
    return value;
  }
  const { kind, status } = endpoint.reply;
  if (kind === 'none') return new Response(null, { status, headers: { [REQUEST_ID]: id } });
  return jsonResponse(value, status, id);
}

function failed({ endpoint, serving, id }: Asked, error: unknown): Response {
  return errorResponse(asApiError(error, serving.log, id, endpoint), id);
}

/** Counts an answer. */
function told({ endpoint: { path, method }, serving, id, began }: Asked, response: Response): Response {
  const { status } = response;
  const ms = serving.clock.monotonic() - began;
  serving.onAnswer(path, method, status, ms);
  serving.log.debug('request', { requestId: id, method, route: path, status, ms: Math.round(ms) });
  return response;
}

const NO_BODY = Buffer.alloc(0);
const TYPES = { json: 'application/json', bytes: 'application/octet-stream' };

/** Null where a body may be missing and is. */
async function bodyOf(
  body: NonNullable<Endpoint['body']>,
  incoming: Bindings['incoming'],
  room: BodyRoom,
): Promise<Buffer | null> {
  const { headers } = incoming;
  const isEmpty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  if (isEmpty && body.kind === 'json' && body.optional === true) return null;
  const type = headers['content-type'];
  const expected = TYPES[body.kind];
  if (type?.split(';')[0]?.trim().toLowerCase() !== expected)
    throw failure(
      'invalid',
      'content-type',
      `a body of type ${expected} is expected, not ${type ?? 'one without type'}`,
    );
  return await readBody(incoming, body.maxBytes, room);
}

function checkAsked<Schema extends z.ZodType>(value: unknown, schema: Schema, what: string): z.output<Schema> {
  refuseNul(value, what);
  return check(value, schema, what);
}

function jsonOf(raw: Buffer | null, schema: z.ZodType): unknown {
  return raw === null ? check(undefined, schema, 'the body') : readJson(raw, schema);
}

function asApiError(error: unknown, log: DiagnosticLog, requestId: string, { path }: Endpoint): ApiFailure['error'] {
  if (error instanceof ApiFailure) return error.error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error('a request failed', { requestId, route: path, error: text });
  return {
    code: 'internal',
    reason: null,
    message: `the server failed at this request; its diagnostic log says more, under ${requestId}`,
    detail: null,
  };
}
