/** Where steps report and wait until a test lets them go on: over TCP, so that a test waits for what happens. */
import { createInterface } from 'node:readline';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A step that waits. */
export interface Visit {
  /** What it said of itself. */
  readonly words: readonly string[];
  /** It goes on. */
  release(): void;
  /** Resolves when the last process has ended that the step, or what it started, was. */
  readonly gone: Promise<void>;
}

export class Gates {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #visits = new Map<string, Visit[]>();
  readonly #waiting = new Map<string, ((visit: Visit) => void)[]>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#take(socket));
  }

  static open(): Promise<Gates> {
    const gates = new Gates(createServer());
    return new Promise((resolve) => gates.#server.listen(0, '127.0.0.1', () => resolve(gates)));
  }

  /**
   * Lines of bash for a step: from here on it, and whatever it starts, holds the gate's connection; it says its own pid and
   * that of its worker's group leader, and waits.
   */
  lines(name: string, said = '$$'): string {
    const { port } = this.#server.address() as AddressInfo;
    return [`exec 9<>/dev/tcp/127.0.0.1/${port}`, `echo "${name} ${said}" >&9`, 'read -r _ <&9'].join('; ');
  }

  /** The next step that comes to the gate. */
  arrival(name: string): Promise<Visit> {
    const visit = this.#visits.get(name)?.shift();
    if (visit) return Promise.resolve(visit);
    return new Promise((resolve) => this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    // Whoever was killed resets the connection.
    socket.on('error', () => undefined);
    const gone = new Promise<void>((resolve) => {
      socket.once('close', () => {
        this.#sockets.delete(socket);
        resolve();
      });
    });
    createInterface({ input: socket }).once('line', (line) => {
      const [name = '', ...words] = line.split(' ');
      const visit: Visit = { words, release: () => void socket.write('go\n'), gone };
      const [first, ...others] = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, others);
      if (first) first(visit);
      else this.#visits.set(name, [...(this.#visits.get(name) ?? []), visit]);
    });
  }
}
