import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { JobReport, StepReport } from '../protocol/report.ts';

export interface UnstartedJob {
  readonly id: string;
  readonly name: string;
  readonly instance: number;
  readonly matrix: JsonMap | null;
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
  /** A sentence for people, or null. */
  readonly message: string | null;
}

/** The report of a job that never came to a worker. A sentence there is stands where people look for it: at a step. */
export function unstartedJob(job: UnstartedJob, at: string): JobReport {
  const { id, name, instance, matrix, conclusion, reason, message } = job;
  return {
    id,
    name,
    instance,
    matrix,
    iteration: 1,
    attempt: 1,
    conclusion,
    reason,
    outputs: {},
    startedAt: null,
    completedAt: null,
    steps: message !== null && hasFailed(job) ? [failedSetUp(message, reason, at)] : [],
  };
}

/** Also where that is ignored. */
export function hasFailed({ conclusion, reason }: Pick<UnstartedJob, 'conclusion' | 'reason'>): boolean {
  return conclusion === 'failure' || reason === 'failure-ignored';
}

/** A step that stands for what kept a job from running. */
export function failedSetUp(message: string, reason: Reason | null, at: string): StepReport {
  const nowhere = { file: null, line: null, endLine: null, column: null, endColumn: null };
  return {
    number: 1,
    id: null,
    name: 'Set up job',
    kind: 'setup',
    phase: 'setup',
    background: false,
    group: null,
    targets: [],
    outcome: 'failure',
    conclusion: 'failure',
    reason,
    exitCode: null,
    signal: null,
    queuedAt: null,
    startedAt: at,
    completedAt: at,
    outputs: {},
    annotations: [{ level: 'error', message, title: null, ...nowhere }],
    summary: null,
  };
}
