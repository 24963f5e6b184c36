import type { ApiError } from '../../protocol/api-error.ts';
import { httpStatusOf } from '../../protocol/api-error.ts';

export const REQUEST_ID = 'X-Request-Id';

/** `{"error": {code, reason, message, detail}}`, with `Retry-After` where there is something to wait for. */
export function errorResponse(
  error: ApiError,
  requestId: string,
  { status = httpStatusOf(error), headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const { code, reason, message, detail } = error;
  const all: Record<string, string> = { 'Content-Type': JSON_TYPE, [REQUEST_ID]: requestId, ...headers };
  const retryAfterMs = detail?.['retryAfterMs'];
  if (typeof retryAfterMs === 'number') all['Retry-After'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  if (status === 401) all['WWW-Authenticate'] = 'Bearer';
  return new Response(JSON.stringify({ error: { code, reason, message, detail } }), { status, headers: all });
}

export function jsonResponse(value: unknown, status: number, requestId: string): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'Content-Type': JSON_TYPE, 'Cache-Control': 'no-store', [REQUEST_ID]: requestId },
  });
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** While a server is not ready yet. */
export function startingResponse(): Response {
  const message = 'the server is starting; try again';
  return errorResponse(
    { code: 'unavailable', reason: null, message, detail: { retryAfterMs: STARTING_MS } },
    'starting',
  );
}

const STARTING_MS = 1_000;
