import type { StepReport } from '../protocol/report.ts';

/** What is worth saying about how a step ended, beyond its conclusion; empty when nothing is. */
export function endText(step: StepReport): string {
  if (step.reason !== null && step.reason in REASONS) return REASONS[step.reason] ?? '';
  if (step.outcome !== 'failure' && step.outcome !== 'cancelled') return '';
  if (step.signal !== null) return `ended by ${step.signal}`;
  if (step.exitCode !== null && step.exitCode !== 0) return `exit code ${step.exitCode}`;
  return step.reason?.replaceAll('-', ' ') ?? '';
}

/** `success`, `failure`…; a failure that `continue-on-error` excuses is called what it is. */
export function conclusionText(step: StepReport): string {
  if (step.outcome === 'failure' && step.conclusion === 'success') return 'failure, ignored';
  return step.conclusion ?? 'not finished';
}

const REASONS: Readonly<Record<string, string>> = {
  condition: '',
  'job-cancelled': '',
  'cancelled-by-user': '',
  'cancelled-by-step': 'by a cancel step',
  'timed-out': 'timed out',
  'failure-ignored': 'continue-on-error',
};
