import type { RunConclusion } from '../protocol/conclusion.ts';
import type { RunEvent, StepState } from '../protocol/events.ts';
import type { JobReport, StepReport } from '../protocol/report.ts';
import { OutputTail } from './output-tail.ts';

/** A step as it stands now. */
export interface StepView {
  readonly tail: OutputTail;
  state: StepState;
  report: StepReport;
}

/** A job as it stands now. A job whose matrix or called workflow is not known yet has one entry with its id as key. */
export interface JobView {
  readonly key: string;
  readonly id: string;
  name: string;
  readonly needs: readonly string[];
  state: 'waiting' | 'running' | 'completed';
  /** Why it has not started, where a server says so: `no runner has the labels gpu, linux`. */
  waiting: string | null;
  startedAt: string | null;
  /** By number, which is the declared order. */
  readonly steps: Map<number, StepView>;
  report: JobReport | null;
}

/**
 * What is known of a run so far, made from its events alone: views and the summary read it, {@link RunModel.apply},
 * {@link RunModel.output} and {@link RunModel.hold} are the only writers.
 */
export class RunModel {
  workflow: { readonly name: string; readonly path: string };
  startedAt: string | null = null;
  completedAt: string | null = null;
  conclusion: RunConclusion | null = null;
  /** Nothing more starts until somebody resumes it. */
  paused = false;
  readonly #jobs = new Map<string, JobView>();
  /** In declared order: instances and called jobs stand where their job was declared. */
  #order: string[] = [];

  constructor(workflow: { readonly name: string; readonly path: string }) {
    this.workflow = workflow;
  }

  get jobs(): readonly JobView[] {
    return this.#order.flatMap((key) => this.#jobs.get(key) ?? []);
  }

  apply(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        // Of a run that is made again: what was known is of the time before.
        this.#jobs.clear();
        this.#order = [];
        this.conclusion = null;
        this.completedAt = null;
        this.workflow = event.workflow;
        this.startedAt = event.at;
        for (const job of event.jobs) this.#add({ ...job, key: job.id });
        return;
      case 'job-queued':
        this.#job(event.job, event.id, event.name).waiting = null;
        return;
      case 'waiting':
        if (event.job === null) return;
        if (event.id !== undefined) this.#job(event.job, event.id, event.name ?? event.id);
        this.hold(event.job, event.reason);
        return;
      case 'run-paused':
        this.paused = event.paused;
        return;
      case 'job-started': {
        const job = this.#job(event.job, event.id, event.name);
        job.waiting = null;
        job.state = 'running';
        job.startedAt = event.at;
        return;
      }
      case 'step':
        this.#step(event.job, event.step, event.state);
        return;
      case 'job-completed': {
        const job = this.#job(event.job, event.report.id, event.report.name);
        job.state = 'completed';
        job.report = event.report;
        for (const step of event.report.steps) this.#step(event.job, step, 'completed');
        return;
      }
      case 'run-completed':
        this.conclusion = event.conclusion;
        this.completedAt = event.at;
        this.paused = false;
        return;
      case 'log':
      case 'annotation':
      case 'flow-request':
        return;
      default:
        event satisfies never;
    }
  }

  /** Why a job has not started; null: it is not known, or not worth saying. */
  hold(key: string, why: string | null): void {
    const job = this.#jobs.get(key);
    if (job) job.waiting = why;
  }

  /** Output of a step, whole lines. */
  output(job: string, step: number, lines: Buffer): void {
    this.#jobs.get(job)?.steps.get(step)?.tail.push(lines);
  }

  #step(key: string, report: StepReport, state: StepState): void {
    const steps = this.#jobs.get(key)?.steps;
    const step = steps?.get(report.number);
    if (!step) {
      steps?.set(report.number, { tail: new OutputTail(), report, state });
      return;
    }
    Object.assign(step, { report, state });
    if (report.outcome === 'success') step.tail.shrink();
  }

  #job(key: string, id: string, name: string): JobView {
    const job = this.#jobs.get(key) ?? this.#add({ key, id, name, needs: [] });
    job.name = name;
    this.#markRunning(key);
    return job;
  }

  /** A job whose rounds, or what is around it, have begun runs. */
  #markRunning(key: string): void {
    const around = this.#jobs.get(key.slice(0, Math.max(key.lastIndexOf('@'), 0)));
    if (around?.state !== 'waiting') return;
    around.state = 'running';
    around.waiting = null;
  }

  #add(job: Pick<JobView, 'key' | 'id' | 'name' | 'needs'>): JobView {
    const view: JobView = { ...job, state: 'waiting', waiting: null, startedAt: null, steps: new Map(), report: null };
    this.#jobs.set(job.key, view);
    this.#order = placed(this.#order, job.key);
    return view;
  }
}

/**
 * `key` put after its siblings, or in the place of the job that it is an instance or a called job of. Jobs around a job, of
 * the rounds of a loop, and later iterations come after it.
 */
function placed(order: readonly string[], key: string): string[] {
  if (order.includes(key)) return [...order];
  const declared = /^[^.@~]*/.exec(key)?.[0] ?? key;
  const takesPlace = key.startsWith(`${declared}.`);
  const kept = takesPlace ? order.filter((other) => other !== declared) : order;
  const sibling = kept.findLastIndex(
    (other) => other.startsWith(declared) && /^(?:[.@~]|$)/.test(other.slice(declared.length)),
  );
  const place = sibling >= 0 ? sibling + 1 : order.indexOf(declared);
  return place < 0 ? [...kept, key] : kept.toSpliced(place, 0, key);
}
