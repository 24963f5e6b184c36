import type { ApiError, ApiErrorCode, ApiErrorReason, ApiResult } from '../../protocol/api-error.ts';

/** Thrown by a route, and nowhere else, to answer with an error. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly error: ApiError;

  constructor(error: ApiError) {
    super(error.message);
    this.error = error;
  }
}

export function failure(
  code: ApiErrorCode,
  reason: ApiErrorReason | null,
  message: string,
  detail: Readonly<Record<string, unknown>> | null = null,
): ApiFailure {
  return new ApiFailure({ code, reason, message, detail });
}

/** The value, or the error thrown. */
export function unwrap<T>(result: ApiResult<T>): T {
  if (!result.ok) throw new ApiFailure(result.error);
  return result.value;
}
