import type { Reason } from '../protocol/conclusion.ts';
import type { JobMessage } from '../protocol/job-message.ts';
import type { JobReport } from '../protocol/report.ts';
import type { StepEnd } from '../steps/step-end.ts';
import { type FlowEffects, NO_FLOW } from '../steps/step-effects.ts';
import type { JobStatus } from '../steps/step-scope.ts';
import { completeJob } from './complete-job.ts';
import { concludeJob } from './job-conclusion.ts';
import { nextNumber } from './job-events.ts';
import { type JobPremises, jobPremises } from './job-premises.ts';
import { JobResources } from './job-resources.ts';
import { runOwnStep } from './own-step.ts';
import { runJobSteps } from './run-job-steps.ts';
import { setUpJob } from './set-up-job.ts';
import { wishOfJob } from './wish-of-job.ts';
import type { WorkerHost } from './worker-host.ts';

/**
 * The life of one job, always in this order, whatever happens: "Set up job"; the hook, pre steps, main steps, drain, post
 * steps and the other hook; "Complete job"; the report. A set-up that fails goes straight to "Complete job".
 *
 * Never rejects for what a user can cause. When it resolves, nothing of the job is left: no process, no file, no timer.
 */
export async function runJob(message: JobMessage, host: WorkerHost): Promise<JobReport> {
  const premises = jobPremises(message, host);
  const { events, masker, stop, log } = premises;
  const startedAt = host.clock.now();
  const name = masker.mask(message.displayName);
  const id = idOf(message);
  events.started(id, name);
  log.info('job started');
  const { status, problem, outputs, flow } = await liveThrough(premises);
  const concluded = concludeJob(status, problem, stop.cause);
  const report: JobReport = {
    id,
    name,
    instance: message.instance,
    matrix: message.contexts.matrix,
    iteration: message.iteration ?? 1,
    attempt: message.attempt,
    ...concluded,
    outputs,
    startedAt: new Date(startedAt).toISOString(),
    completedAt: new Date(host.clock.now()).toISOString(),
    steps: events.steps,
  };
  events.completed(report, wishOfJob(message, concluded, report.steps, flow));
  log.info('job completed', { conclusion: report.conclusion, reason: report.reason });
  return report;
}

interface Life {
  readonly status: JobStatus;
  /** Why the job failed beside its steps. */
  readonly problem: Reason | null;
  readonly outputs: Record<string, string>;
  readonly flow: FlowEffects;
}

async function liveThrough(premises: JobPremises): Promise<Life> {
  const { events, stop } = premises;
  const resources = new JobResources(premises.host);
  const setUp = await runOwnStep({ number: 1, name: 'Set up job', phase: 'setup' }, premises, (log) =>
    setUpJob(premises, resources, log),
  );
  const job = setUp.done?.job ?? null;
  const { status, problem } = job === null ? withoutSteps(setUp.end) : await runJobSteps(job, premises);
  // What is asked from here on comes too late.
  stop.dispose();
  const number = nextNumber(events);
  const { end, done } = await runOwnStep({ number, name: 'Complete job', phase: 'complete' }, premises, (log) =>
    completeJob(premises, resources, job, log),
  );
  return {
    status,
    problem: problem ?? (end.outcome === 'failure' ? end.reason : null),
    outputs: { ...done?.outputs },
    flow: job?.frame.state.flow ?? NO_FLOW,
  };
}

function withoutSteps({ outcome, reason }: StepEnd): Pick<Life, 'status' | 'problem'> {
  return outcome === 'cancelled' ? { status: 'cancelled', problem: null } : { status: 'failure', problem: reason };
}

/** The key without its iteration, its attempt and the number of the matrix instance, which the report has beside it. */
function idOf({ key, instance }: JobMessage): string {
  const own = key.replace(/~[r\d]+$/, '');
  const suffix = `.${instance}`;
  return instance > 0 && own.endsWith(suffix) ? own.slice(0, -suffix.length) : own;
}
