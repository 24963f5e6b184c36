import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDRESS_FILE } from './places.ts';

/** Tells commands on this machine where the server listens: as it does here, whatever its public address is. */
export function writeAddress(
  dataDirectory: string,
  { host, port }: { readonly host: string; readonly port: number },
  scheme: 'http' | 'https',
): void {
  const path = join(dataDirectory, ADDRESS_FILE);
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${localAddress(scheme, host, port)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** What listens everywhere is reached at the loopback. */
function localAddress(scheme: string, host: string, port: number): string {
  if (host === '0.0.0.0' || host === '') return `${scheme}://127.0.0.1:${port}`;
  if (host === '::') return `${scheme}://[::1]:${port}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
