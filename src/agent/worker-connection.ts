import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { FromWorker, ToWorker } from '../protocol/worker-link.ts';

/** Soon at first: a worker listens as soon as it has read its order. */
const FIRST_PAUSE_MS = 2;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 250;
/** A line is a number and two words; what is longer is no worker. */
const MAX_LINE = 10_000;

/**
 * The agent's end of a worker's socket. Connects until it is closed, also again; what is to be said waits for that, and
 * what was said is said again, since orders to end may be repeated.
 */
export class WorkerConnection {
  readonly #path: string;
  readonly #clock: Clock;
  readonly logs = new Map<number, number>();
  seq = 0;
  #said: ToWorker | null = null;
  /** Connected. */
  #socket: Socket | null = null;
  #connecting: Socket | null = null;
  #listeners: (() => void)[] = [];
  #pause = FIRST_PAUSE_MS;
  #cancelPause: () => void = () => undefined;
  #closed = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#connect();
  }

  onProgress(listener: () => void): void {
    this.#listeners.push(listener);
  }

  send(message: ToWorker): void {
    // A lease is said anew with each renewal.
    if (message.kind !== 'lease') this.#said = message;
    this.#socket?.write(`${JSON.stringify(message)}\n`);
  }

  /** After what is still on its way has been read. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelPause();
    if (this.#socket === null) this.#connecting?.destroy();
    else this.#socket.end();
    await this.#idle;
  }

  #connect(): void {
    if (this.#closed) return;
    const socket = createConnection(this.#path);
    this.#connecting = socket;
    let rest = '';
    this.#idle = new Promise((resolve) => {
      socket.once('close', () => {
        if (this.#socket === socket) this.#socket = null;
        resolve();
        if (this.#closed) return;
        this.#cancelPause = this.#clock.after(this.#pause, () => this.#connect());
        this.#pause = Math.min(this.#pause * PAUSE_GROWTH, LONGEST_PAUSE_MS);
      });
    });
    // Not there yet, or not any more: its process tells which.
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      this.#socket = socket;
      this.#pause = FIRST_PAUSE_MS;
      if (this.#said !== null) this.send(this.#said);
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#hear(line);
      if (rest.length > MAX_LINE) socket.destroy();
      for (const listener of this.#listeners) listener();
    });
  }

  #hear(line: string): void {
    let level: FromWorker;
    try {
      level = JSON.parse(line) as FromWorker;
    } catch {
      // Cut off by its death; the disk knows more.
      return;
    }
    if (level.kind === 'journal') this.seq = Math.max(this.seq, level.seq);
    else this.logs.set(level.step, Math.max(level.length, this.logs.get(level.step) ?? 0));
  }
}
