import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { connectionProblem, mayWantClientCertificate } from '../../kernel/connection-problem.ts';
import { type NetworkSettings, openDispatcher } from '../../kernel/open-dispatcher.ts';
import type { Clock } from '../../kernel/clock.ts';
import { sleep } from '../../kernel/clock.ts';
import type { ApiError, ApiResult } from '../../protocol/api-error.ts';
import { asProblem } from '../agent-problem.ts';
import type { ServerChoice } from './server-choice.ts';

/** For an answer to begin, and for the next piece of it; a stream tells that it lives every 15 seconds. */
const ANSWER_TIMEOUT_MS = 60_000;
/** Of a request that the server told to come back later. */
const MAX_TRIES = 4;
const DEFAULT_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;
/** Of an answer that is no success: more is no error of ours. */
const MAX_ERROR_CHARACTERS = 64 * 1024;

export interface RequestOptions<T> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the query, from `/v1` on. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null for an answer without a body. */
  readonly schema: z.ZodType<T> | null;
}

/** A body that is read as it comes. */
export interface OpenAnswer {
  readonly body: AsyncIterable<Uint8Array>;
  header(name: string): string | null;
}

export interface TransportOptions {
  readonly network: NetworkSettings;
  readonly version: string;
  readonly clock: Clock;
}

/** Requests to one server with one token. Never rejects but for the signal: what goes wrong is an `ApiError`. */
export class Transport {
  readonly choice: ServerChoice;
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  readonly #userAgent: string;
  readonly #mayWantCertificate: boolean;

  private constructor(choice: ServerChoice, { network, version, clock }: TransportOptions, dispatcher: Dispatcher) {
    this.choice = choice;
    this.#clock = clock;
    this.#dispatcher = dispatcher;
    this.#userAgent = `paceline/${version}`;
    this.#mayWantCertificate = mayWantClientCertificate(choice.url, network);
  }

  /** Rejects with a `CommandProblem` for settings of the network that are wrong. */
  static async open(choice: ServerChoice, options: TransportOptions): Promise<Transport> {
    const limits = { headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS };
    return new Transport(choice, options, await asProblem(openDispatcher(choice.url, options.network, limits)));
  }

  /** A request and its JSON. What the server has too much to do for is asked again. */
  async request<T>(options: RequestOptions<T>, signal: AbortSignal): Promise<ApiResult<T>> {
    for (let tries = 1; ; tries++) {
      const result = await this.#once(options, signal);
      if (result.ok || tries === MAX_TRIES || !isToComeBack(result.error)) return result;
      await sleep(this.#clock, retryMs(result.error), signal);
    }
  }

  /** The answer while it comes. */
  async open(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<ApiResult<OpenAnswer>> {
    const answer = await this.#send({ method: 'GET', path, headers }, signal);
    if (!answer.ok) return answer;
    const { statusCode, headers: given, body } = answer.value;
    if (statusCode >= 300) return { ok: false, error: await this.#errorOf(answer.value) };
    return { ok: true, value: { body, header: (name) => single(given[name]) } };
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #once<T>(options: RequestOptions<T>, signal: AbortSignal): Promise<ApiResult<T>> {
    const answer = await this.#send(options, signal);
    if (!answer.ok) return answer;
    if (answer.value.statusCode >= 300) return { ok: false, error: await this.#errorOf(answer.value) };
    let text: string;
    try {
      text = await answer.value.body.text();
    } catch (error) {
      signal.throwIfAborted();
      return {
        ok: false,
        error: this.#network(`the answer was cut short (${connectionProblem(error, this.#mayWantCertificate)})`),
      };
    }
    if (options.schema === null) return { ok: true, value: null as T };
    const value = parsed(text, options.schema);
    return value === NO_ANSWER ? { ok: false, error: this.#strange(answer.value) } : { ok: true, value };
  }

  async #send(
    { method, path, body, headers }: Omit<RequestOptions<unknown>, 'schema'>,
    signal: AbortSignal,
  ): Promise<ApiResult<Dispatcher.ResponseData>> {
    const { request } = await import('undici');
    try {
      const value = await request(`${this.choice.url}${path}`, {
        method,
        dispatcher: this.#dispatcher,
        signal,
        headers: {
          authorization: `Bearer ${this.choice.token}`,
          'user-agent': this.#userAgent,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return { ok: true, value };
    } catch (error) {
      signal.throwIfAborted();
      return { ok: false, error: this.#network(connectionProblem(error, this.#mayWantCertificate)) };
    }
  }

  async #errorOf(answer: Dispatcher.ResponseData): Promise<ApiError> {
    const text = await answer.body.text().catch(() => '');
    return (text.length > MAX_ERROR_CHARACTERS ? null : errorIn(text)) ?? this.#strange(answer);
  }

  #network(why: string): ApiError {
    return { code: 'unavailable', reason: 'network', message: why, detail: null };
  }

  #strange({ statusCode, headers }: Dispatcher.ResponseData): ApiError {
    const kind = single(headers['content-type']) ?? 'no content type';
    return this.#network(`what answered is no Paceline server (status ${statusCode}, ${kind})`);
  }
}

const NO_ANSWER = Symbol('no answer of a Paceline server');

/** Keys that a newer server adds are no fault. */
function parsed<T>(text: string, schema: z.ZodType<T>): T | typeof NO_ANSWER {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return NO_ANSWER;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  return result.error.issues.every(({ code }) => code === 'unrecognized_keys') ? (value as T) : NO_ANSWER;
}

function errorIn(text: string): ApiError | null {
  try {
    const { error } = JSON.parse(text) as { error?: Partial<ApiError> };
    if (typeof error?.code !== 'string' || typeof error.message !== 'string') return null;
    return { code: error.code, reason: error.reason ?? null, message: error.message, detail: error.detail ?? null };
  } catch {
    return null;
  }
}

/** The server did nothing yet, and says so. */
function isToComeBack({ reason, detail }: ApiError): boolean {
  return reason === 'rate-limited' || typeof detail?.retryAfterMs === 'number';
}

function retryMs({ detail }: ApiError): number {
  const given = detail?.retryAfterMs;
  return Math.min(typeof given === 'number' ? given : DEFAULT_RETRY_MS, MAX_RETRY_MS);
}

function single(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
