import type { Dispatcher, request } from 'undici';

/** As in HTTP_PROXY, HTTPS_PROXY, NO_PROXY; null: none. */
export interface ProxySettings {
  readonly http: string | null;
  readonly https: string | null;
  readonly no: string | null;
}

/** Results, and logs beside them. */
const CONNECTIONS = 6;
const CONNECT_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;

export interface Connections {
  /** For everything that is answered at once. */
  readonly main: Dispatcher;
  /** For the poll: it never stands in the way of a renewal. */
  readonly held: Dispatcher;
  readonly request: typeof request;
}

/** Loads undici. How long an answer may take is its caller's to say. */
export async function openConnections({ http, https, no }: ProxySettings): Promise<Connections> {
  const { EnvHttpProxyAgent, request } = await import('undici');
  const open = (connections: number): Dispatcher =>
    new EnvHttpProxyAgent({
      // Empty, not left out: then undici would look into the environment itself.
      httpProxy: http ?? '',
      httpsProxy: https ?? '',
      noProxy: no ?? '',
      connections,
      connect: { timeout: CONNECT_MS },
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  return { main: open(CONNECTIONS), held: open(1), request };
}
