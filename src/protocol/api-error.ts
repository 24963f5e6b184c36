/**
 * What an answer of the server says when it is no success. Six codes; `reason` says it finer where a program acts on it.
 */
export type ApiErrorCode = 'invalid' | 'unauthorized' | 'not_found' | 'conflict' | 'unavailable' | 'internal';

/**
 * - `token-unknown`, `token-expired`, `scope-missing`: who asks (401, 401, 403).
 * - `version-too-old`: the agent or its protocol (403).
 * - `name-taken`: a runner of that name is registered (409).
 * - `superseded`: a newer session of the same runner exists (409).
 * - `other-machine`: the runner's live session belongs to another machine (409).
 * - `fenced`: the attempt is not the caller's (any more) (409). `withdrawn`: the offer is gone (409).
 * - `illegal-transition`: the attempt's state does not allow it (409).
 * - `already-final`: the thing has ended (409). `busy`: it has work that would be lost (409).
 * - `wrong-offset`: of a log chunk; `detail.offset` is the right one (416). `sealed`: the log has its end (409).
 * - `log-removed`: the log was there until its time was over (404).
 * - `checksum`: of a log chunk (400). `too-large`: body, log or file (413). `content-type` (415).
 * - `rate-limited` (429), `disk-full` (507), `database`: the store cannot be reached (503).
 * - `network`: no answer, or none that makes sense, such as a captive portal's page. Made by the client.
 */
export type ApiErrorReason =
  | 'token-unknown'
  | 'token-expired'
  | 'scope-missing'
  | 'version-too-old'
  | 'name-taken'
  | 'superseded'
  | 'other-machine'
  | 'fenced'
  | 'withdrawn'
  | 'illegal-transition'
  | 'already-final'
  | 'busy'
  | 'wrong-offset'
  | 'sealed'
  | 'log-removed'
  | 'checksum'
  | 'too-large'
  | 'content-type'
  | 'rate-limited'
  | 'disk-full'
  | 'database'
  | 'network';

export interface ApiError {
  readonly code: ApiErrorCode;
  readonly reason: ApiErrorReason | null;
  /** One sentence that names the thing and the way out. */
  readonly message: string;
  /** What a program needs to go on: `offset`, `retryAfterMs`, `scope`, diagnostics of a workflow… */
  readonly detail: { readonly [name: string]: unknown } | null;
}

export type ApiResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError };

const STATUS_OF_CODE: Readonly<Record<ApiErrorCode, number>> = {
  invalid: 400,
  unauthorized: 401,
  not_found: 404,
  conflict: 409,
  unavailable: 503,
  internal: 500,
};

const STATUS_OF_REASON: Readonly<Partial<Record<ApiErrorReason, number>>> = {
  'scope-missing': 403,
  'version-too-old': 403,
  'wrong-offset': 416,
  'too-large': 413,
  'content-type': 415,
  'rate-limited': 429,
  'disk-full': 507,
};

export function httpStatusOf({ code, reason }: Pick<ApiError, 'code' | 'reason'>): number {
  return (reason === null ? undefined : STATUS_OF_REASON[reason]) ?? STATUS_OF_CODE[code];
}
