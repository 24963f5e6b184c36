import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { FromWorker, ToWorker } from '../protocol/worker-link.ts';

export interface LevelServerOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly onMessage: (message: ToWorker) => void;
}

/** How much longer logs get is told no more often than this. */
const PACE_MS = 20;
/** How long who listens may take to read the last ones. */
const CLOSE_MS = 1_000;
/** An order is some fifty characters. */
const MAX_LINE_CHARACTERS = 4_096;
/** What the path of a socket may be long everywhere, in bytes. */
const MAX_PATH_BYTES = 103;

/**
 * Tells agents how far journal and logs are, and hears what they want. Agents come and go; each is told everything when
 * it comes, and one that does not read is told less often, not more.
 */
export class LevelServer {
  readonly #options: LevelServerOptions;
  readonly #levels = new Map<string, FromWorker>();
  readonly #listeners = new Set<Listener>();
  readonly #server: Server;
  #disarm: (() => void) | null = null;

  private constructor(options: LevelServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /**
   * The folder of the socket is made or made ours alone; a socket that a dead worker left is replaced.
   * @throws what the system says.
   */
  static async open(options: LevelServerOptions): Promise<LevelServer> {
    const { path } = options;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES)
      throw new Error(`The path of a socket has at most ${MAX_PATH_BYTES} bytes: ${path}`);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    chmodSync(dirname(path), 0o700);
    rmSync(path, { force: true });
    const opened = new LevelServer(options);
    await new Promise<void>((resolve, reject) => {
      opened.#server.once('error', reject);
      opened.#server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
    return opened;
  }

  /** Records, and that a log begins, at once: there are few of them, and somebody may wait. */
  tell(level: FromWorker): void {
    const name = level.kind === 'log' ? `log ${level.step}` : level.kind;
    const isFew = level.kind === 'journal' || !this.#levels.has(name);
    this.#levels.set(name, level);
    if (isFew || this.#disarm === null) this.#flush();
  }

  /** After what was told last has been read, or nobody reads it. */
  async close(): Promise<void> {
    this.#disarm?.();
    for (const listener of this.#listeners) listener.flush(this.#levels);
    this.#server.close();
    await Promise.all([...this.#listeners].map((listener) => listener.end(this.#options.clock)));
    rmSync(this.#options.path, { force: true });
  }

  #flush(): void {
    for (const listener of this.#listeners) listener.flush(this.#levels);
    const told = new Map(this.#levels);
    this.#disarm?.();
    this.#disarm = this.#options.clock.after(PACE_MS, () => {
      this.#disarm = null;
      if ([...this.#levels].some(([name, level]) => told.get(name) !== level)) this.#flush();
    });
  }

  #accept(socket: Socket): void {
    const listener = new Listener(socket, this.#options.onMessage, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    listener.flush(this.#levels);
  }
}

/** One agent that is connected. */
class Listener {
  readonly #socket: Socket;
  readonly #told = new Map<string, FromWorker>();
  #levels: ReadonlyMap<string, FromWorker> = new Map();
  #isFull = false;
  #line = '';

  constructor(socket: Socket, onMessage: (message: ToWorker) => void, onGone: () => void) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#read(text, onMessage));
    socket.on('drain', () => {
      this.#isFull = false;
      this.flush(this.#levels);
    });
    // It is gone, and may come again.
    socket.on('error', () => undefined);
    socket.on('close', onGone);
  }

  /** What it has not been told yet. */
  flush(levels: ReadonlyMap<string, FromWorker>): void {
    this.#levels = levels;
    if (this.#isFull || this.#socket.writableEnded) return;
    const news = [...levels].filter(([name, level]) => this.#told.get(name) !== level);
    if (news.length === 0) return;
    for (const [name, level] of news) this.#told.set(name, level);
    this.#isFull = !this.#socket.write(news.map(([, level]) => `${JSON.stringify(level)}\n`).join(''));
  }

  end(clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const disarm = clock.after(CLOSE_MS, () => this.#socket.destroy());
      this.#socket.once('close', () => {
        disarm();
        resolve();
      });
      this.#socket.end();
    });
  }

  /** What is no message is no reason to end a job: the connection ends. */
  #read(text: string, onMessage: (message: ToWorker) => void): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      const message = parse(line);
      if (message === null) this.#socket.destroy();
      else onMessage(message);
    }
    if (this.#line.length > MAX_LINE_CHARACTERS) this.#socket.destroy();
  }
}

function parse(line: string): ToWorker | null {
  let message: { readonly kind?: unknown; readonly cause?: unknown; readonly ms?: unknown } | null;
  try {
    message = JSON.parse(line) as typeof message;
  } catch {
    return null;
  }
  if (message?.kind === 'kill') return { kind: 'kill' };
  if (message?.kind === 'lease') return typeof message.ms === 'number' ? { kind: 'lease', ms: message.ms } : null;
  const cause = CAUSES.find((known) => known === message?.cause);
  return message?.kind === 'cancel' && cause !== undefined ? { kind: 'cancel', cause } : null;
}

const CAUSES = ['user', 'fail-fast', 'concurrency', 'withdrawn', 'timeout', 'shutdown'] as const;
