import type { JobConclusion, Reason, RunConclusion } from '../protocol/conclusion.ts';

interface Ending {
  readonly conclusion: JobConclusion;
  readonly reason: Reason | null;
}

/** What a job with `continue-on-error` shows: a failure becomes a success that says so. Applying it twice is the same. */
export function applyContinueOnError({ conclusion, reason }: Ending, continueOnError: boolean): Ending {
  return continueOnError && conclusion === 'failure'
    ? { conclusion: 'success', reason: 'failure-ignored' }
    : { conclusion, reason };
}

/** The result of a job by those of its instances, or of a called workflow by those of its jobs: the worst one. */
export function resultOf(conclusions: readonly JobConclusion[]): JobConclusion {
  if (conclusions.includes('failure')) return 'failure';
  if (conclusions.includes('cancelled')) return 'cancelled';
  if (conclusions.includes('success') || !conclusions.includes('skipped')) return 'success';
  return 'skipped';
}

export function runConclusionOf(conclusions: readonly JobConclusion[], cancelled: boolean): RunConclusion {
  const worst = resultOf(conclusions);
  if (worst === 'failure') return 'failure';
  return cancelled || worst === 'cancelled' ? 'cancelled' : 'success';
}
