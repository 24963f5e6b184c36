import { hostname } from 'node:os';

/** HOST:PORT as configured; `[::1]:80` for an address with colons. */
export function listenAddress(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(listen.slice(colon + 1)) };
}

/** The address that others reach a listener by: one that listens everywhere is reached by the machine's name. */
export function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Names this server among those that share its database and folder; the same when it is started again. */
export function nodeName(port: number): string {
  return `${hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 56)}-${port}`;
}
