import type { RunEvent, StepState } from '../../src/protocol/events.ts';
import type { JobReport, StepReport } from '../../src/protocol/report.ts';
import { RunModel } from '../../src/local/run-model.ts';
import type { TextOutput } from '../../src/local/text-output.ts';

/** The moment at which every recorded run starts. */
export const START = Date.parse('2026-11-01T10:00:00.000Z');

export function at(ms: number): string {
  return new Date(START + ms).toISOString();
}

/** A step that ran from `from` to `to` (milliseconds after the start) and succeeded, unless said otherwise. */
export function step(
  number: number,
  name: string,
  from: number,
  to: number,
  more: Partial<StepReport> = {},
): StepReport {
  return {
    number,
    id: null,
    name,
    kind: 'run',
    phase: 'main',
    background: false,
    group: null,
    targets: [],
    outcome: 'success',
    conclusion: 'success',
    reason: null,
    exitCode: 0,
    signal: null,
    queuedAt: null,
    startedAt: at(from),
    completedAt: at(to),
    outputs: {},
    annotations: [],
    summary: null,
    ...more,
  };
}

/** The same step while it runs. */
export function running(report: StepReport): StepReport {
  return { ...report, outcome: null, conclusion: null, exitCode: null, completedAt: null };
}

/** The same step before it is reached. */
export function pending(report: StepReport): StepReport {
  return { ...running(report), startedAt: null };
}

export function job(id: string, steps: readonly StepReport[], more: Partial<JobReport> = {}): JobReport {
  return {
    id,
    name: id,
    instance: 0,
    matrix: null,
    iteration: 1,
    attempt: 1,
    conclusion: 'success',
    reason: null,
    outputs: {},
    startedAt: at(0),
    completedAt: at(10_000),
    steps: [...steps],
    ...more,
  };
}

export function started(name: string, ...jobs: readonly { id: string; needs?: string[] }[]): RunEvent {
  return {
    type: 'run-started',
    at: at(0),
    schema: 1,
    workflow: { name, path: `${name}.yml` },
    jobs: jobs.map(({ id, needs = [] }) => ({ id, name: id, needs })),
  };
}

export function jobStarted(key: string, ms = 0, id = key): RunEvent {
  return { type: 'job-started', at: at(ms), job: key, id, name: key };
}

export function stepIs(key: string, state: StepState, report: StepReport): RunEvent {
  return { type: 'step', at: at(0), job: key, state, step: report };
}

export function jobCompleted(key: string, report: JobReport): RunEvent {
  return { type: 'job-completed', at: at(0), job: key, report };
}

export function runCompleted(ms: number, conclusion: 'success' | 'failure' | 'cancelled'): RunEvent {
  return { type: 'run-completed', at: at(ms), conclusion };
}

export function modelOf(...events: readonly RunEvent[]): RunModel {
  const model = new RunModel({ name: '', path: '' });
  for (const event of events) model.apply(event);
  return model;
}

/** Keeps what is written; a terminal of a size that can be changed. */
export class FakeOutput implements TextOutput {
  text = '';
  readonly isTTY = true;
  columns = 80;
  rows = 24;
  readonly #listeners = new Set<() => void>();

  write(text: string | Uint8Array): void {
    this.text += typeof text === 'string' ? text : Buffer.from(text).toString();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  onResize(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  resize(columns: number, rows: number): void {
    Object.assign(this, { columns, rows });
    for (const listener of this.#listeners) listener();
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
