import type { JobMessage } from '../../src/protocol/job-message.ts';

/** What really happened to an attempt, as its worker lived it. */
export interface AttemptHistory {
  readonly run: string;
  readonly job: string;
  /** Times a worker began it. */
  starts: number;
  /** Virtual milliseconds; null while it lives. */
  readonly lives: { readonly from: number; to: number | null }[];
  readonly output: Map<number, Buffer>;
  readonly steps: Map<number, string>;
  /** Its worker wrote `job-finished`. */
  finished: string | null;
  killed: boolean;
}

/** The truth beside the system: written by what plays the jobs, read by the checks. */
export class History {
  readonly attempts = new Map<string, AttemptHistory>();

  started(message: Pick<JobMessage, 'runId' | 'key'>, attempt: string, at: number): void {
    const found = this.attempts.get(attempt);
    const history: AttemptHistory = found ?? {
      ...{ run: message.runId, job: message.key, starts: 0, lives: [] },
      ...{ output: new Map(), steps: new Map(), finished: null, killed: false },
    };
    history.starts++;
    history.lives.push({ from: at, to: null });
    this.attempts.set(attempt, history);
  }

  ended(attempt: string, at: number): void {
    const life = this.attempts.get(attempt)?.lives.at(-1);
    if (life) life.to ??= at;
  }

  printed(attempt: string, step: number, text: Buffer): void {
    this.attempts.get(attempt)?.output.set(step, Buffer.concat([this.output(attempt, step), text]));
  }

  output(attempt: string, step: number): Buffer {
    return this.attempts.get(attempt)?.output.get(step) ?? Buffer.alloc(0);
  }

  stepEnded(attempt: string, step: number, outcome: string): void {
    this.attempts.get(attempt)?.steps.set(step, outcome);
  }

  finished(attempt: string, conclusion: string): void {
    const found = this.attempts.get(attempt);
    if (found) found.finished = conclusion;
  }

  workerKilled(attempt: string): void {
    const found = this.attempts.get(attempt);
    if (found) found.killed = true;
  }
}
