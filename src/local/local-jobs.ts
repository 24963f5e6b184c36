import type PQueue from 'p-queue';
import type { CancelJob, CancelJobCause, StartJob } from '../flow/flow-event.ts';
import { AbortScope } from '../kernel/cancellation.ts';

/** The two ways to end a running job: ask (post and `always()` steps run), and at once. */
export interface JobSignals {
  readonly cancel: AbortSignal;
  readonly kill: AbortSignal;
}

/** `End`: what is known of a job that has ended. */
export interface LocalJobsOptions<End> {
  /** Bounds the jobs at once. */
  readonly queue: PQueue;
  /** Runs one job to its end. Rejects for a bug only. */
  readonly run: (command: StartJob, signals: JobSignals) => Promise<End>;
  /** A job that was cancelled before its turn. */
  readonly neverRan: (command: StartJob, cause: CancelJobCause) => End;
  /** It has its turn. */
  readonly started: (key: string) => void;
  readonly completed: (key: string, end: End) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Jobs that flow started: `queued → running → over`, with `queued –cancel→ over`. A queued job that is cancelled is
 * over at once; its turn in the queue then does nothing.
 */
export class LocalJobs<End> {
  readonly #options: LocalJobsOptions<End>;
  readonly #jobs = new Map<string, Job>();
  readonly #kill = new AbortScope();

  constructor(options: LocalJobsOptions<End>) {
    this.#options = options;
  }

  start(command: StartJob): void {
    const job: Job = { command, state: 'queued', cancel: new AbortScope() };
    this.#jobs.set(command.key, job);
    void this.#options.queue.add(() => this.#run(job));
  }

  cancel({ key, cause }: CancelJob): void {
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    job.cancel.cancel(cause);
    // Flow hears of it after it has given all its commands.
    if (job.state === 'queued') queueMicrotask(() => this.#over(job, this.#options.neverRan(job.command, cause)));
  }

  /** Ends whatever runs, now and later. */
  kill(): void {
    this.#kill.cancel('user');
  }

  async #run(job: Job): Promise<void> {
    if (job.state !== 'queued' || job.cancel.signal.aborted) return;
    job.state = 'running';
    this.#options.started(job.command.key);
    const kill = new AbortScope(this.#kill.signal);
    try {
      this.#over(job, await this.#options.run(job.command, { cancel: job.cancel.signal, kill: kill.signal }));
    } catch (error) {
      this.#options.failed(error);
    } finally {
      kill.dispose();
    }
  }

  #over(job: Job, end: End): void {
    if (job.state === 'over') return;
    job.state = 'over';
    this.#jobs.delete(job.command.key);
    this.#options.completed(job.command.key, end);
  }
}

interface Job {
  readonly command: StartJob;
  state: 'queued' | 'running' | 'over';
  readonly cancel: AbortScope;
}
