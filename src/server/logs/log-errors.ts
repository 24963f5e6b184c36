import type { ApiError, ApiErrorCode, ApiErrorReason, ApiResult } from '../../protocol/api-error.ts';

export function refused(
  code: ApiErrorCode,
  reason: ApiErrorReason | null,
  message: string,
  detail: ApiError['detail'] = null,
): { readonly ok: false; readonly error: ApiError } {
  return { ok: false, error: { code, reason, message, detail } };
}

/** Of a disk that takes nothing more. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What whoever wants to append is told of a disk that failed. */
export function diskFailure(error: unknown): ApiResult<never> {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (FULL.includes(code))
    return refused('unavailable', 'disk-full', 'The disk for logs is full: make room, and logs go on.', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  return refused('unavailable', null, `Logs cannot be written: ${code}.`, { retryAfterMs: RETRY_AFTER_MS });
}

const RETRY_AFTER_MS = 5_000;

export function logRemoved(removedAt: number): ApiResult<never> {
  const at = new Date(removedAt).toISOString();
  return refused('not_found', 'log-removed', `log removed on ${at.slice(0, 10)}`, { removedAt: at });
}
