import { hostname } from 'node:os';
import type { ServerSettings } from './operation.ts';
import type { ServerOptions } from './running-server.ts';

/** An agent that is heard of renews its token with every request. */
const SESSION_TOKEN_MS = 60 * 60 * 1000;

/** What operations go by, of the configuration. */
export function serverSettings(
  { config, baseUrl }: Pick<ServerOptions, 'config' | 'baseUrl'>,
  publicUrl: string,
): ServerSettings {
  return {
    leaseMs: config.leaseSeconds * 1000,
    offerMs: config.offerSeconds * 1000,
    lostAfterMs: config.lostAfterSeconds * 1000,
    maxAttempts: config.maxAttempts,
    maxJobs: config.maxJobs,
    isolateUntrusted: config.untrustedRuns === 'isolate',
    sessionTokenMs: SESSION_TOKEN_MS,
    publicUrl,
    baseUrl: baseUrl.replace(/\/+$/, ''),
  };
}

/** HOST:PORT as configured; `[::1]:80` for an address with colons. */
export function listenAddress(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(listen.slice(colon + 1)) };
}

/** The address that others reach a listener by: one that listens everywhere is reached by the machine's name. */
export function urlOf(host: string, port: number, scheme: 'http' | 'https'): string {
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Names this server among those that share its database and folder; the same when it is started again. */
export function nodeName(port: number): string {
  const name = hostname().replaceAll(/[^A-Za-z0-9_-]/g, '-');
  return `${name.slice(0, 56)}-${port}`;
}
