import type PQueue from 'p-queue';
import type { JobSettled } from '../flow/flow-event.ts';
import type { Reason, RunConclusion } from '../protocol/conclusion.ts';
import type { JobReport } from '../protocol/report.ts';
import { FlowHost } from './flow-host.ts';
import { type JobsHere, type JobsHereOptions, openJobsHere } from './jobs-here.ts';
import { LocalJobs } from './local-jobs.ts';
import { flowInput } from './run-start.ts';
import { startedEvent } from '../flow/started-event.ts';
import { unstartedJob, type UnstartedJob } from '../flow/unstarted-job.ts';

/** All jobs of one run: flow says which may start, a queue bounds how many do, the worker runs them in this process. */
export class RunJobs {
  readonly #options: JobsHereOptions;
  readonly #queue: PQueue;
  readonly #here: JobsHere;
  readonly #jobs: LocalJobs;
  readonly #flow: FlowHost;
  readonly #finished: PromiseWithResolvers<RunConclusion>;

  /** Throws a `UsageError`. */
  static async open(options: JobsHereOptions): Promise<RunJobs> {
    const { default: Queue } = await import('p-queue');
    const { jobs, isolate, cores } = options.options;
    const queue = new Queue({ concurrency: jobs ?? (isolate ? cores : 1) });
    return new RunJobs(options, queue, await openJobsHere(options));
  }

  private constructor(options: JobsHereOptions, queue: PQueue, here: JobsHere) {
    const finished = withResolvers<RunConclusion>();
    const flow: FlowHost = new FlowHost({
      startJob: (command) => jobs.start(command),
      cancelJob: (command) => jobs.cancel(command),
      jobSettled: (command) => this.#settled(command),
      runCompleted: (conclusion) => finished.resolve(conclusion),
    });
    const jobs: LocalJobs = new LocalJobs({
      queue,
      run: (command, signals) => here.run(command, signals),
      neverRan: ({ key, id, displayName: name, instance, contexts: { matrix } }, cause) => {
        const reason = CANCELLED_BY[cause];
        return this.#unstarted(key, { id, name, instance, matrix, conclusion: 'cancelled', reason, message: null });
      },
      completed: (key, { conclusion, reason, outputs }) =>
        flow.happened({ kind: 'job-completed', key, conclusion, reason: reason as Reason | null, outputs }),
      failed: (error) => {
        jobs.kill();
        finished.reject(error);
      },
    });
    this.#options = options;
    this.#queue = queue;
    this.#here = here;
    this.#jobs = jobs;
    this.#flow = flow;
    this.#finished = finished;
  }

  get jobIds(): readonly string[] {
    return this.#here.jobIds;
  }

  /** Resolves when every job is over. Rejects for a bug, when nothing runs any more. */
  async work(): Promise<RunConclusion> {
    const { prepared, options, recorder } = this.#options;
    const input = flowInput(prepared, options);
    recorder.emit(startedEvent(input, options.shownFile, this.#now()));
    this.#flow.begin(input);
    try {
      const conclusion = await this.#finished.promise;
      recorder.emit({ type: 'run-completed', at: this.#now(), conclusion });
      return conclusion;
    } finally {
      await this.#queue.onIdle();
    }
  }

  cancel(): void {
    this.#flow.happened({ kind: 'cancel', cause: 'user', force: false });
  }

  kill(): void {
    this.#flow.happened({ kind: 'cancel', cause: 'user', force: true });
    this.#jobs.kill();
  }

  /** Call when `work` has settled. */
  close(): Promise<void> {
    return this.#here.close();
  }

  #settled({ key, ...job }: JobSettled): void {
    if (job.message !== null) this.#options.recorder.notice(`${key}: ${job.message}`);
    this.#unstarted(key, job);
  }

  #unstarted(key: string, job: UnstartedJob): JobReport {
    const at = this.#now();
    const report = unstartedJob(job, at);
    this.#options.recorder.emit({ type: 'job-completed', at, job: key, report });
    return report;
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

const CANCELLED_BY = {
  user: 'cancelled-by-user',
  'fail-fast': 'fail-fast',
  concurrency: 'concurrency',
  withdrawn: 'withdrawn',
} as const;

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** `Promise.withResolvers`, which Node.js 20 lacks. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
