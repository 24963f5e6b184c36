import type { Dispatcher, request } from 'undici';
import { chooseProxy, type ProxySettings } from '../kernel/proxy-choice.ts';
import { AgentProblem } from './agent-problem.ts';
import { readTrust, type TlsFiles } from './trust.ts';

/** How a machine reaches servers. */
export interface NetworkSettings {
  readonly proxy: ProxySettings;
  readonly tls: TlsFiles;
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

/**
 * For an agent; loads undici. How long an answer may take is its caller's to say. Rejects with an {@link AgentProblem} for
 * settings that are wrong.
 */
export async function openConnections(server: string, network: NetworkSettings): Promise<Connections> {
  const { request } = await import('undici');
  const open = (connections: number): Promise<Dispatcher> =>
    openDispatcher(server, network, {
      connections,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  return { main: await open(CONNECTIONS), held: await open(1), request };
}

export interface DispatcherOptions {
  readonly connections?: number;
  readonly keepAliveTimeout?: number;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/**
 * Connections to one server, by its proxy if it has one. HTTPS goes through a proxy by CONNECT, HTTP as a request to the
 * proxy. Rejects with an {@link AgentProblem} for settings that are wrong.
 */
export async function openDispatcher(
  server: string,
  { proxy, tls }: NetworkSettings,
  options: DispatcherOptions,
): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await import('undici');
  const url = new URL(server);
  const choice = chooseProxy(url, proxy);
  if (choice.kind === 'invalid') throw new AgentProblem('usage', `${choice.why}.`);
  const uri = choice.kind === 'proxy' ? choice.url : null;
  // Reading what is trusted takes longer than a whole request in clear.
  const isSecure = url.protocol === 'https:' || uri?.startsWith('https:') === true;
  const secure = isSecure ? { secureContext: (await readTrust(tls)).context } : {};
  const connect = { timeout: CONNECT_MS, ...secure };
  if (uri === null) return new Agent({ ...options, connect });
  return new ProxyAgent({ ...options, uri, proxyTunnel: false, proxyTls: connect, requestTls: connect });
}
