import type { Clock } from '../../kernel/clock.ts';
import { AbortScope } from '../../kernel/cancellation.ts';
import { CommandProblem } from '../command-problem.ts';
import { followLog, WholeLines } from './follow-log.ts';
import type { ServerClient } from './server-client.ts';

/** Lines before the end that a view of the present starts with. */
const TAIL_LINES = 200;

export interface WatchedLogsOptions {
  readonly client: ServerClient;
  readonly run: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whole logs, or what stands at their end and what comes. */
  readonly whole: boolean;
  readonly onLines: (job: string, step: number, lines: Buffer) => void;
  readonly onProblem: (sentence: string) => void;
}

/** Follows the logs of several steps at once. */
export class WatchedLogs {
  readonly #options: WatchedLogsOptions;
  readonly #scope: AbortScope;
  readonly #followed = new Map<string, Promise<void>>();

  constructor(options: WatchedLogsOptions) {
    this.#options = options;
    this.#scope = new AbortScope(options.signal);
  }

  has(job: string, step: number): boolean {
    return this.#followed.has(`${job}/${step}`);
  }

  /** Once for each step. */
  follow(job: string, step: number): void {
    if (!this.has(job, step)) this.#followed.set(`${job}/${step}`, this.#follow(job, step));
  }

  /** Resolves when all that the step wrote was given to `onLines`; at once for a step that is not followed. */
  async ended(job: string, step: number): Promise<void> {
    await this.#followed.get(`${job}/${step}`);
  }

  async allEnded(): Promise<void> {
    await Promise.all(this.#followed.values());
  }

  /** Nothing is followed any more. */
  close(): void {
    this.#scope.cancel('user');
    this.#scope.dispose();
  }

  async #follow(job: string, step: number): Promise<void> {
    const { client, run, clock, whole, onLines, onProblem } = this.#options;
    const { signal } = this.#scope;
    const place = { run, job, step };
    const lines = new WholeLines((whole) => onLines(job, step, whole));
    try {
      const fromLine = whole ? 1 : await client.lateLine(place, TAIL_LINES, signal);
      await followLog({ client, place, fromLine, clock, signal, onBytes: (bytes) => lines.push(bytes) });
      lines.end();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CommandProblem)) throw error;
      // A log that was removed or cannot be read is no reason to end.
      onProblem(`The log of ${job}, step ${step}: ${error.message}`);
    }
  }
}
