import type { AgentApi } from '../../src/protocol/agent-api.ts';
import type { ApiError, ApiResult } from '../../src/protocol/api-error.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How bad the way between an agent and the server is; changed while the world runs. */
export interface Weather {
  /** Of a request or an answer being lost. */
  loss: number;
  /** Of a request arriving twice. */
  duplicates: number;
  /** Longest delay of a request or an answer. */
  delayMs: number;
  /** Nothing goes through: at all, or one way only (half-open). */
  partition: 'none' | 'both' | 'requests' | 'answers';
}

export const FAIR: Weather = { loss: 0, duplicates: 0, delayMs: 5, partition: 'none' };

/** What an agent's client does when nothing comes back. */
const REQUEST_TIMEOUT_MS = 10_000;
const POLL_TIMEOUT_MS = 90_000;

/** What is on the other side: null while the server is down. When it dies, connections to it are reset. */
export type Server = () => { readonly api: AgentApi; readonly death: Promise<void> } | null;

/** Sees every body that crosses. */
export type Wiretap = (text: string) => void;

/**
 * An `AgentApi` that reaches the server through a bad network. Bodies cross as JSON, as they do over HTTP, so nothing is
 * shared between the two sides. An answer that is lost was acted on all the same.
 */
export function overNetwork(
  server: Server,
  weather: Weather,
  time: VirtualTime,
  random: SeededRandom,
  wiretap: Wiretap,
): AgentApi {
  const json = <T>(value: T): T => {
    const text = JSON.stringify(value);
    wiretap(text);
    return JSON.parse(text) as T;
  };
  const call = <T>(
    timeoutMs: number,
    perform: (api: AgentApi, signal: AbortSignal) => Promise<ApiResult<T>>,
    signal?: AbortSignal,
  ): Promise<ApiResult<T>> =>
    new Promise((resolve, reject) => {
      const connection = new AbortController();
      let over = false;
      const finish = (act: () => void): void => {
        if (over) return;
        over = true;
        cancelTimeout();
        signal?.removeEventListener('abort', abort);
        connection.abort();
        act();
      };
      const abort = (): void => finish(() => reject(signal?.reason as Error));
      const cancelTimeout = time.after(timeoutMs, () => finish(() => resolve(lost('no answer in time'))));
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });

      const arrive = async (): Promise<void> => {
        if (isLost('requests')) return;
        const there = server();
        if (there === null) {
          finish(() => resolve(lost('connection refused')));
          return;
        }
        const performed = perform(there.api, connection.signal).catch((error: unknown) => {
          if (connection.signal.aborted) return null;
          throw error;
        });
        const answer = await Promise.race([performed, there.death.then(() => null)]);
        if (answer === null) {
          finish(() => resolve(lost('connection reset')));
          return;
        }
        if (isLost('answers')) return;
        const copy = answer.ok ? { ok: true as const, value: json(answer.value) } : json(answer);
        time.after(random.next() * weather.delayMs, () => finish(() => resolve(copy)));
      };
      const send = (): void => void time.after(random.next() * weather.delayMs, () => void arrive());
      send();
      if (random.chance(weather.duplicates)) send();
    });

  const isLost = (way: 'requests' | 'answers'): boolean =>
    weather.partition === 'both' || weather.partition === way || random.chance(weather.loss);

  return {
    register: (token, request) => call(REQUEST_TIMEOUT_MS, (api) => api.register(token, json(request))),
    nonce: () => call(REQUEST_TIMEOUT_MS, (api) => api.nonce()),
    unregister: (runner, request) => call(REQUEST_TIMEOUT_MS, (api) => api.unregister(runner, json(request))),
    openSession: (request) => call(REQUEST_TIMEOUT_MS, (api) => api.openSession(json(request))),
    closeSession: (key) => call(REQUEST_TIMEOUT_MS, (api) => api.closeSession({ ...key })),
    poll: (key, request, signal) =>
      call(POLL_TIMEOUT_MS, (api, connection) => api.poll({ ...key }, json(request), connection), signal),
    accept: (key, attempt, fence) => call(REQUEST_TIMEOUT_MS, (api) => api.accept({ ...key }, attempt, fence)),
    decline: (key, attempt, request) =>
      call(REQUEST_TIMEOUT_MS, (api) => api.decline({ ...key }, attempt, json(request))),
    sync: (key, request) => call(REQUEST_TIMEOUT_MS, (api) => api.sync({ ...key }, json(request))),
    appendLog: (key, chunk) => {
      const bytes = Uint8Array.from(chunk.bytes);
      return call(REQUEST_TIMEOUT_MS, (api) => api.appendLog({ ...key }, { ...chunk, bytes }));
    },
    appendLogs: (key, chunks) => {
      const copies = chunks.map((chunk) => ({ ...chunk, bytes: Uint8Array.from(chunk.bytes) }));
      return call(REQUEST_TIMEOUT_MS, (api) => api.appendLogs({ ...key }, copies));
    },
    drain: (key) => call(REQUEST_TIMEOUT_MS, (api) => api.drain({ ...key })),
  };
}

function lost(message: string): { readonly ok: false; readonly error: ApiError } {
  return { ok: false, error: { code: 'unavailable', reason: 'network', message, detail: null } };
}
