import type PQueue from 'p-queue';
import type { JobConcluded, JobSettled, JobWaits } from '../flow/flow-event.ts';
import { keySuffix } from '../flow/key-suffix.ts';
import { startedEvent } from '../flow/started-event.ts';
import { unstartedJob, type UnstartedJob } from '../flow/unstarted-job.ts';
import { waitsText } from '../flow/waits-text.ts';
import type { Reason, RunConclusion } from '../protocol/conclusion.ts';
import type { FlowRequest } from '../protocol/flow-plan.ts';
import type { JobReport } from '../protocol/report.ts';
import { FlowHost } from './flow-host.ts';
import { type JobEnd, type JobsHere, type JobsHereOptions, openJobsHere } from './jobs-here.ts';
import { LocalJobs } from './local-jobs.ts';
import { flowInput } from './run-start.ts';
import { stuckText } from './stuck-text.ts';

/** All jobs of one run: flow says which may start, a queue bounds how many do, the worker runs them in this process. */
export class RunJobs {
  readonly #options: JobsHereOptions;
  readonly #queue: PQueue;
  readonly #here: JobsHere;
  readonly #jobs: LocalJobs<JobEnd>;
  readonly #flow: FlowHost;
  readonly #finished: PromiseWithResolvers<RunConclusion>;
  /** As told, by key. */
  readonly #reports = new Map<string, JobReport>();
  /** How it was asked to end because nothing could happen any more. */
  #givenUp: 'no' | 'cancel' | 'force' = 'no';

  /** Throws a `UsageError`. */
  static async open(options: JobsHereOptions): Promise<RunJobs> {
    const { default: Queue } = await import('p-queue');
    const { jobs, isolate, cores } = options.options;
    const queue = new Queue({ concurrency: jobs ?? (isolate ? cores : 1) });
    let runJobs: RunJobs | null = null;
    const here = await openJobsHere({
      ...options,
      requested: (key, id, request) => runJobs?.requested(key, id, request) ?? null,
    });
    runJobs = new RunJobs(options, queue, here);
    return runJobs;
  }

  private constructor(options: JobsHereOptions, queue: PQueue, here: JobsHere) {
    const finished = withResolvers<RunConclusion>();
    const flow: FlowHost = new FlowHost(
      {
        startJob: (command) => jobs.start(command),
        cancelJob: (command) => jobs.cancel(command),
        jobSettled: (command) => this.#settled(command),
        jobConcluded: (command) => this.#concluded(command),
        jobWaits: (command) => this.#waits(command),
        timerFired: () => this.#lookWhetherStuck(),
        runCompleted: (conclusion) => finished.resolve(conclusion),
      },
      options.clock,
      options.options.userName,
    );
    const jobs = new LocalJobs<JobEnd>({
      queue,
      run: (command, signals) => here.run(command, signals),
      neverRan: ({ key, id, displayName: name, instance, contexts: { matrix } }, cause) => {
        const reason = CANCELLED_BY[cause];
        const job = { id, name, instance, matrix, conclusion: 'cancelled', reason, message: null } as const;
        return { report: { ...unstartedJob(job, this.#now()), ...keySuffix(key) }, wish: null };
      },
      started: (key) => {
        flow.happened({ kind: 'job-started', key });
      },
      completed: (key, end) => this.#ended(key, end),
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
    this.#sendSignals();
    this.#lookWhetherStuck();
    try {
      const conclusion = await this.#finished.promise;
      recorder.emit({ type: 'run-completed', at: this.#now(), conclusion });
      return conclusion;
    } finally {
      this.#flow.close();
      await this.#queue.onIdle();
    }
  }

  cancel(): void {
    this.#flow.happened({ kind: 'cancel', cause: 'user', force: false });
    this.#lookWhetherStuck();
  }

  kill(): void {
    this.#flow.happened({ kind: 'cancel', cause: 'user', force: true });
    this.#jobs.kill();
  }

  /** Something that a step asks of the flow. Answers why it is refused, or null. */
  requested(key: string, id: number, request: FlowRequest): string | null {
    return this.#flow.happened({ kind: 'requested', id: `step ${key} ${id}`, by: { job: key }, request });
  }

  /** Call when `work` has settled. */
  close(): Promise<void> {
    return this.#here.close();
  }

  #sendSignals(): void {
    const { options, recorder } = this.#options;
    for (const [index, { name, data }] of options.signals.entries()) {
      const refused = this.#flow.happened({
        kind: 'requested',
        id: `signal ${index}`,
        by: { user: options.userName },
        request: { kind: 'signal', name, job: null, data, persistent: true },
      });
      if (refused !== null) recorder.notice(`--signal ${name}: ${refused}`);
    }
  }

  /** Whoever could let the run go on is not here: it ends instead of waiting for ever. */
  #lookWhetherStuck(): void {
    const stuck = this.#flow.stuck;
    if (stuck === null) return;
    if (this.#givenUp === 'force') {
      this.#finished.reject(new Error('the run waits, and nothing can happen any more'));
      return;
    }
    const force = this.#givenUp === 'cancel';
    this.#givenUp = force ? 'force' : 'cancel';
    this.#options.recorder.notice(stuckText(stuck, this.#options.options.userName));
    this.#flow.happened({ kind: 'cancel', cause: 'stuck', force });
    this.#lookWhetherStuck();
  }

  #ended(key: string, { report, wish }: JobEnd): void {
    const { conclusion, reason, outputs } = report;
    this.#flow.happened(
      {
        kind: 'job-completed',
        key,
        conclusion,
        reason: reason as Reason | null,
        outputs,
        ...(wish === null ? {} : { wish }),
      },
      (commands) => {
        // The flow may count it for something else, such as a choice that could not be made.
        const concluded = commands.find(
          (command): command is JobConcluded => command.kind === 'job-concluded' && command.key === key,
        );
        this.#tell(key, concluded === undefined ? report : this.#counted(report, concluded));
      },
    );
    this.#lookWhetherStuck();
  }

  /** Of a job that is over by now. The one that has just ended is told as it counts already. */
  #concluded(command: JobConcluded): void {
    const known = this.#reports.get(command.key);
    if (known === undefined) return;
    const { conclusion, reason } = command;
    if (known.conclusion !== conclusion || known.reason !== reason)
      this.#tell(command.key, this.#counted(known, command));
  }

  #counted(report: JobReport, { key, conclusion, reason, message }: JobConcluded): JobReport {
    if (message !== null) this.#options.recorder.notice(`${key}: ${message}`);
    return { ...report, conclusion, reason };
  }

  #waits({ key, id, name, for: waits }: JobWaits): void {
    this.#options.recorder.emit({ type: 'waiting', at: this.#now(), job: key, id, name, reason: waitsText(waits) });
  }

  #settled({ key, ...job }: JobSettled): void {
    if (job.message !== null) this.#options.recorder.notice(`${key}: ${job.message}`);
    const unstarted: UnstartedJob = job;
    this.#tell(key, { ...unstartedJob(unstarted, this.#now()), ...keySuffix(key) });
  }

  #tell(key: string, report: JobReport): void {
    this.#reports.set(key, report);
    this.#options.recorder.emit({ type: 'job-completed', at: this.#now(), job: key, report });
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
