/** Bytes of a step's log, and where they are. `durable` ≤ `sent` ≤ `length`. */
export interface LogProgress {
  readonly step: number;
  /** In the file. */
  length: number;
  /** The server received them, and forgets them when it dies. */
  sent: number;
  /** The server will not forget them. */
  durable: number;
  /** Nothing more is sent, and why. */
  stopped: string | null;
  /** Not before; monotonic milliseconds. */
  nextAt: number;
  /** Failures in a row. */
  failures: number;
}

/** A machine lost power before the last bytes were on its disk. */
export const SHORTER_THAN_STORED = 'the server has more of it than the disk';

export function newLog(step: number): LogProgress {
  return { step, length: 0, sent: 0, durable: 0, stopped: null, nextAt: 0, failures: 0 };
}

export function isStored({ length, durable, stopped }: LogProgress): boolean {
  return stopped !== null || durable >= length;
}

/** What the server knows of a log, which may be less than it said before it died. */
export function resumeAt(log: LogProgress, offset: number): void {
  if (offset > log.length) log.stopped = SHORTER_THAN_STORED;
  log.sent = Math.min(offset, log.length);
  log.durable = Math.min(log.durable, log.sent);
}
