import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Bindings } from './endpoint.ts';
import type { Serving } from './serve-endpoint.ts';
import type { ServerTls } from './server-tls.ts';

/** Longer than a poll is held and than agents keep a connection without a request: the client closes first. */
const KEEP_ALIVE_MS = 75_000;
/** For the headers, and for a whole request: a client that dribbles holds a connection for no longer. */
const HEADERS_MS = 20_000;
const REQUEST_MS = 120_000;
/** Connections that wait to be taken: ten thousand agents come back at once after a restart. */
const BACKLOG = 8_192;
/** What requests under way may take when the server stops. */
const STOP_MS = 5_000;

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Answers what is held, ends what streams, then closes; what takes too long is cut. */
  stop(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly onError: (error: Error) => void;
  /** Default: in clear. */
  readonly tls?: ServerTls | null;
}

/** Rejects when the address cannot be had. `onError`: it listens no more. */
export async function openHttpServer(
  answer: (request: Request, bindings: Bindings) => Response | Promise<Response>,
  { held, clock }: Pick<Serving, 'held' | 'clock'>,
  { host, port, onError, tls = null }: ListenOptions,
): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch: (request, env) => answer(request, env as Bindings),
    ...(tls === null ? {} : { createServer: createTlsServer, serverOptions: tls.options }),
  }) as Server;
  const stopWatching = tls?.watch(server as unknown as Parameters<ServerTls['watch']>[0]);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  const connections = new Connections(server, tls !== null);
  server.listen({ host, port, backlog: BACKLOG });
  await once(server, 'listening');
  server.on('error', onError);
  const address = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    stopWatching?.();
    const closed = once(server, 'close');
    server.close();
    held.stop();
    connections.end();
    const cancelCut = clock.after(STOP_MS, () => server.closeAllConnections());
    await closed;
    cancelCut();
  };
  return { host: address.address, port: address.port, stop };
}

/** Connections with their requests: Node.js does not count one as idle that has not had a request yet. */
class Connections {
  readonly #requests = new Map<Socket, number>();
  /** By where they come from. */
  readonly #handshakes = new Map<string, Socket>();
  #isEnding = false;

  constructor(server: Server, isSecure: boolean) {
    const keep = (socket: Socket): void => {
      this.#requests.set(socket, 0);
      socket.once('close', () => this.#requests.delete(socket));
    };
    server.on(isSecure ? 'secureConnection' : 'connection', keep);
    if (isSecure) this.#keepHandshakes(server);
    server.on('request', ({ socket }, response) => {
      this.#requests.set(socket, (this.#requests.get(socket) ?? 0) + 1);
      response.once('close', () => {
        const left = (this.#requests.get(socket) ?? 1) - 1;
        if (!socket.destroyed) this.#requests.set(socket, left);
        if (this.#isEnding && left === 0) socket.destroySoon();
      });
    });
  }

  /** Node.js knows a connection as one of its own when it is secured: before, it would keep the server from closing. */
  #keepHandshakes(server: Server): void {
    server.on('connection', (socket: Socket) => {
      const name = nameOf(socket);
      this.#handshakes.set(name, socket);
      socket.once('close', () => this.#handshakes.delete(name));
    });
    server.on('secureConnection', (socket: Socket) => this.#handshakes.delete(nameOf(socket)));
  }

  /** Each connection ends with its last answer; those without a request at once. */
  end(): void {
    this.#isEnding = true;
    for (const socket of this.#handshakes.values()) socket.destroy();
    for (const [socket, requests] of this.#requests) if (requests === 0) socket.destroySoon();
  }
}

function nameOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
