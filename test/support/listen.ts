/** Servers of a test on a free port of this machine, with TLS or without. */
import { readFile } from 'node:fs/promises';
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificateFiles } from './certificates.ts';

/** Its port. What closes it, with all that is connected, is added to `closing`. */
export async function listen(server: Server, closing: (() => Promise<unknown>)[]): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return (server.address() as AddressInfo).port;
}

/** @param clientCa Who comes without a certificate of that authority is sent away; null: nobody is asked for one. */
export async function secureServer(
  files: CertificateFiles,
  clientCa: string | null,
  listener: RequestListener,
): Promise<Server> {
  const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)]);
  const client = clientCa === null ? {} : { requestCert: true, ca: await readFile(clientCa) };
  return createServer({ cert, key, ...client }, listener);
}
