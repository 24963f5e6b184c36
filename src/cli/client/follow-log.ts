import { type Clock, sleep } from '../../kernel/clock.ts';
import { requestProblem } from './request-problem.ts';
import type { ServerClient } from './server-client.ts';

const RETRY_MS = 1_000;
/** Drops in a row without a byte between them. */
const MAX_DROPS = 60;
const NEWLINE = 0x0a;

export interface LogPlace {
  readonly run: number;
  readonly job: string;
  readonly step: number;
}

export interface FollowOptions {
  readonly client: Pick<ServerClient, 'openLog' | 'choice'>;
  readonly place: LogPlace;
  /** From 1. */
  readonly fromLine: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: Buffer) => void;
}

/**
 * The log of a step from a line on, to its end, while it grows. A connection that drops is taken up where it was: no
 * byte is missed, none comes twice. Throws a `CommandProblem` when the server refuses, or is away for too long.
 */
export async function followLog(options: FollowOptions): Promise<void> {
  const { client, place, clock, signal, onBytes } = options;
  let line = options.fromLine;
  /** Bytes of `line` that came already. */
  let partial = 0;
  for (let drops = 0; ; drops++) {
    const opened = await client.openLog(place, { fromLine: line, follow: true }, signal);
    if (opened.ok) {
      let skip = partial;
      try {
        for await (const chunk of opened.value.body) {
          drops = 0;
          const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
          const known = Math.min(skip, bytes.length);
          skip -= known;
          const fresh = bytes.subarray(known);
          if (fresh.length === 0) continue;
          for (let at = fresh.indexOf(NEWLINE); at >= 0; at = fresh.indexOf(NEWLINE, at + 1)) line += 1;
          const lastBreak = fresh.lastIndexOf(NEWLINE);
          partial = lastBreak < 0 ? partial + fresh.length : fresh.length - lastBreak - 1;
          onBytes(fresh);
        }
        return;
      } catch {
        // Dropped; whether the server is there the next try tells.
        signal.throwIfAborted();
      }
    } else if (opened.error.code !== 'unavailable' || drops >= MAX_DROPS)
      throw requestProblem(opened.error, client.choice);
    await sleep(clock, RETRY_MS, signal);
  }
}

/** Whole lines out of bytes as they come. */
export class WholeLines {
  readonly #onLines: (lines: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLines: (lines: Buffer) => void) {
    this.#onLines = onLines;
  }

  push(bytes: Buffer): void {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      return;
    }
    const lines =
      this.#rest.length === 0 ? bytes.subarray(0, end) : Buffer.concat([this.#rest, bytes.subarray(0, end)]);
    this.#rest = Buffer.from(bytes.subarray(end));
    this.#onLines(lines);
  }

  /** A last line without a line break gets one. */
  end(): void {
    if (this.#rest.length > 0) this.#onLines(Buffer.concat([this.#rest, Buffer.from('\n')]));
    this.#rest = Buffer.alloc(0);
  }
}
