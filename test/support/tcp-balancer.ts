import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What stands before several servers: each connection goes to the next port in turn that takes it. */
export class TcpBalancer {
  readonly #ports: readonly number[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((client) => {
      this.#track(client);
      this.#connect(client, this.#turn++, ports.length);
    });
  }

  static async open(ports: readonly number[]): Promise<TcpBalancer> {
    const balancer = new TcpBalancer(ports);
    await new Promise<void>((resolve) => balancer.#server.listen(0, '127.0.0.1', resolve));
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #connect(client: Socket, turn: number, tries: number): void {
    const server = connect({ host: '127.0.0.1', port: this.#ports[turn % this.#ports.length]! });
    this.#track(server);
    let connected = false;
    server.once('connect', () => {
      connected = true;
      client.pipe(server).pipe(client);
      server.once('close', () => client.destroy());
      client.once('close', () => server.destroy());
    });
    server.once('error', () => {
      if (!connected && tries > 1) this.#connect(client, turn + 1, tries - 1);
      else client.destroy();
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Who is killed resets its connections.
    socket.on('error', () => undefined);
  }
}
