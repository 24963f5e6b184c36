import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Clock } from '../../kernel/clock.ts';
import type { App } from './app.ts';
import type { Serving } from './serve-endpoint.ts';

/** Longer than a poll is held and than agents keep a connection without a request: the client closes first. */
const KEEP_ALIVE_MS = 75_000;
/** For the headers, and for a whole request: a client that dribbles holds a connection for no longer. */
const HEADERS_MS = 20_000;
const REQUEST_MS = 120_000;
/** Connections that wait to be taken: ten thousand agents come back at once after a restart. */
const BACKLOG = 8_192;
/** What requests under way may take when the server stops. */
const STOP_MS = 5_000;
const STOP_LOOK_MS = 20;

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Rejects when the address cannot be had. */
export async function openHttpServer(
  app: App,
  { open, clock }: Pick<Serving, 'open' | 'clock'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch: (request, env) => app.fetch(request, env) }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.listen({ host, port, backlog: BACKLOG });
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return { host: address.address, port: address.port, stop: () => stop(server, open, clock) };
}

/** Answers what is held, ends what streams, then closes; what takes too long is cut. */
async function stop(server: Server, open: Serving['open'], clock: Clock): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const scope of open) scope.cancel('shutdown');
  const cancelCut = clock.after(STOP_MS, () => server.closeAllConnections());
  // A connection is idle, and can be closed, only when its answer is out.
  let cancelLook = (): void => undefined;
  const look = (): void => {
    server.closeIdleConnections();
    cancelLook = clock.after(STOP_LOOK_MS, look);
  };
  look();
  await closed;
  cancelCut();
  cancelLook();
}
