import type { Dispatcher } from 'undici';
import { NetworkProblem } from './network-problem.ts';
import { chooseProxy, type ProxySettings } from './proxy-choice.ts';
import { readTrust, type TlsFiles } from './trust.ts';

/** How a machine reaches servers. */
export interface NetworkSettings {
  readonly proxy: ProxySettings;
  readonly tls: TlsFiles;
}

const CONNECT_MS = 10_000;

export interface DispatcherOptions {
  readonly connections?: number;
  readonly keepAliveTimeout?: number;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/**
 * Connections to one server, by its proxy if it has one. HTTPS goes through a proxy by CONNECT, HTTP as a request to the
 * proxy. Loads undici. Rejects with an {@link NetworkProblem} for settings that are wrong.
 */
export async function openDispatcher(
  server: string,
  { proxy, tls }: NetworkSettings,
  options: DispatcherOptions,
): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await import('undici');
  const url = new URL(server);
  const choice = chooseProxy(url, proxy);
  if (choice.kind === 'invalid') throw new NetworkProblem(`${choice.why}.`);
  const uri = choice.kind === 'proxy' ? choice.url : null;
  // Reading what is trusted takes longer than a whole request in clear.
  const isSecure = url.protocol === 'https:' || uri?.startsWith('https:') === true;
  const secure = isSecure ? { secureContext: (await readTrust(tls)).context } : {};
  const connect = { timeout: CONNECT_MS, ...secure };
  if (uri === null) return new Agent({ ...options, connect });
  return new ProxyAgent({ ...options, uri, proxyTunnel: false, proxyTls: connect, requestTls: connect });
}
