/**
 * A TCP proxy on loopback that does to connections what networks do: delays, cuts, one-way silence, resets, refusal, a
 * captive portal's page.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

export type ProxyMode =
  | { readonly kind: 'pass'; readonly latencyMs?: number }
  /** New connections are reset; those that exist as well. */
  | { readonly kind: 'refuse' }
  /** Nothing gets through in either direction, and nobody is told. */
  | { readonly kind: 'silence' }
  /** Requests arrive, answers do not. */
  | { readonly kind: 'half-open' }
  /** The connection is reset after so many bytes from the server. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Every request is answered with 200 and a page. */
  | { readonly kind: 'captive-portal' };

const PORTAL_PAGE = '<html><title>Welcome to the guest network</title></html>';

export class FaultProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #mode: ProxyMode = { kind: 'pass' };

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Holds for connections that exist and for new ones. */
  set mode(mode: ProxyMode) {
    this.#mode = mode;
    if (mode.kind === 'refuse' || mode.kind === 'captive-portal')
      for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    this.#track(client);
    if (this.#mode.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    if (this.#mode.kind === 'captive-portal') {
      client.once('data', () =>
        client.end(
          `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${PORTAL_PAGE.length}\r\nconnection: close\r\n\r\n${PORTAL_PAGE}`,
        ),
      );
      return;
    }
    const server = connect(this.#target);
    this.#track(server);
    let fromServer = 0;
    client.on('data', (bytes) => {
      if (this.#mode.kind !== 'silence') this.#deliver(server, bytes);
    });
    server.on('data', (bytes) => {
      if (this.#mode.kind === 'silence' || this.#mode.kind === 'half-open') return;
      if (this.#mode.kind === 'cut') {
        const left = Math.max(this.#mode.afterBytes - fromServer, 0);
        if (left > 0) client.write(bytes.subarray(0, left));
        fromServer += bytes.length;
        if (bytes.length < left) return;
        client.resetAndDestroy();
        server.destroy();
        return;
      }
      fromServer += bytes.length;
      this.#deliver(client, bytes);
    });
    client.on('close', () => server.destroy());
    server.on('close', () => {
      if (this.#mode.kind === 'pass') client.destroy();
    });
  }

  #deliver(to: Socket, bytes: Buffer): void {
    const latency = this.#mode.kind === 'pass' ? (this.#mode.latencyMs ?? 0) : 0;
    if (latency === 0) {
      to.write(bytes);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      to.write(bytes);
    }, latency);
    this.#timers.add(timer);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A reset is what it is there for.
    socket.on('error', () => undefined);
  }
}
