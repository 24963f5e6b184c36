import type { FlowWish } from '../protocol/flow-plan.ts';
import type { JobMessage } from '../protocol/job-message.ts';
import type { StepReport } from '../protocol/report.ts';
import type { FlowEffects } from '../steps/step-effects.ts';
import type { ConcludedJob } from './job-conclusion.ts';

/**
 * What a job asks of the flow of its run with its end; null for nothing. Another attempt is asked for where every main
 * step that failed ended with an exit code that the job's `retry` names, and nothing else failed.
 */
export function wishOfJob(
  { job }: Pick<JobMessage, 'job'>,
  { conclusion, reason }: ConcludedJob,
  steps: readonly StepReport[],
  { goto, retryAfterMs, retryState }: FlowEffects,
): FlowWish | null {
  if (conclusion === 'success' && goto !== null)
    return { goto: { target: goto.target, with: Object.fromEntries(goto.with) }, retry: null };
  const codes = job.flow?.retry?.exitCodes;
  if (conclusion !== 'failure' || reason !== null || codes === undefined) return null;
  const failed = steps.filter((step) => step.conclusion === 'failure' && (step.kind === 'run' || step.kind === 'uses'));
  const asks = codes === null || failed.every(({ exitCode }) => exitCode !== null && codes.includes(exitCode));
  if (!asks || failed.length === 0) return null;
  return { goto: null, retry: { afterMs: retryAfterMs, state: Object.fromEntries(retryState) } };
}
