import { z } from 'zod';
import { apiErrorSchema } from '../protocol/agent-api.ts';
import type { ApiError, ApiResult } from '../protocol/api-error.ts';

/** What came of a request. */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly text: string;
    }
  | { readonly kind: 'timeout'; readonly ms: number }
  /** `why` is for people. */
  | { readonly kind: 'none'; readonly why: string };

const errorSchema = z.object({ error: apiErrorSchema });

/**
 * The answer as a value. What does not look like a Paceline server's, whatever its status, is nobody's word on anything:
 * the page of a captive portal or of a proxy on the way counts as no answer at all.
 * @param schema Null: an answer without content.
 */
export function readReply<T>(reply: Reply, schema: z.ZodType<T>): ApiResult<T>;
export function readReply(reply: Reply, schema: null): ApiResult<null>;
export function readReply<T>(reply: Reply, schema: z.ZodType<T> | null): ApiResult<T | null> {
  if (reply.kind === 'timeout') return noAnswer(`no answer within ${Math.round(reply.ms / MS_PER_SECOND)} s`);
  if (reply.kind === 'none') return noAnswer(reply.why);
  const { status, text } = reply;
  if (status === NO_CONTENT && schema === null) return { ok: true, value: null };
  const json = parse(text);
  if (status >= FIRST_ERROR) {
    const parsed = errorSchema.safeParse(json);
    return parsed.success
      ? { ok: false, error: parsed.data.error as ApiError }
      : noAnswer(`an answer that is not a Paceline server's (status ${status})`);
  }
  const parsed = schema?.safeParse(json);
  if (parsed?.success) return { ok: true, value: parsed.data };
  return noAnswer(`an answer that is not a Paceline server's (status ${status}): a proxy or a login page on the way?`);
}

export function noAnswer(message: string): { readonly ok: false; readonly error: ApiError } {
  return { ok: false, error: { code: 'unavailable', reason: 'network', message, detail: null } };
}

const NO_CONTENT = 204;
const FIRST_ERROR = 400;
const MS_PER_SECOND = 1_000;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Then no schema fits it.
    return null;
  }
}
