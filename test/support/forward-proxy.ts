/** A proxy as companies have them: CONNECT for everything, requests with a whole address for HTTP, a password if asked. */
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export class ForwardProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #names: Readonly<Record<string, string>>;
  /** What was asked for, as `CONNECT ci.test:443` or `GET http://ci.test/`. */
  readonly asked: string[] = [];

  private constructor(server: Server, names: Readonly<Record<string, string>>) {
    this.#server = server;
    this.#names = names;
  }

  /** @param login As `user:password`: whoever comes without it is refused. Names are known to the proxy alone. */
  static async open(names: Readonly<Record<string, string>>, login: string | null = null): Promise<ForwardProxy> {
    const server = createServer();
    const proxy = new ForwardProxy(server, names);
    const expected = login === null ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
    const isRefused = ({ headers }: IncomingMessage): boolean =>
      expected !== undefined && headers['proxy-authorization'] !== expected;
    server.on('connection', (socket) => proxy.#keep(socket));
    server.on('connect', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
      proxy.asked.push(`CONNECT ${asked.url ?? ''}`);
      if (isRefused(asked)) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const { hostname, port } = new URL(`http://${asked.url ?? ''}`);
      const onward = connect({ host: proxy.#resolve(hostname), port: Number(port || '80') }, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        if (head.length > 0) onward.write(head);
        socket.pipe(onward).pipe(socket);
      });
      proxy.#keep(onward);
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    server.on('request', (asked, answer) => {
      proxy.asked.push(`${asked.method ?? ''} ${asked.url ?? ''}`);
      if (isRefused(asked)) {
        answer.writeHead(407).end();
        return;
      }
      const url = new URL(asked.url ?? '');
      const onward = request(
        {
          host: proxy.#resolve(url.hostname),
          port: url.port,
          path: url.pathname + url.search,
          method: asked.method,
          headers: asked.headers,
        },
        (response) => {
          answer.writeHead(response.statusCode ?? 502, response.headers);
          response.pipe(answer);
        },
      );
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #resolve(hostname: string): string {
    return this.#names[hostname] ?? hostname;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
  }
}
