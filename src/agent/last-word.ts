import type { LastWord } from './close-journal.ts';
import type { CancelAsked, HeldAttempt } from './held-attempt.ts';

/** How an attempt ended whose worker did not say so. */
export function lastWord({ fate, cancel }: Pick<HeldAttempt, 'fate' | 'cancel'>): LastWord {
  if (fate?.kind === 'lost') return { conclusion: 'failure', reason: 'runner-lost', lost: fate.cause };
  if (cancel !== null) return { ...CANCELLED[cancel.cause], lost: null };
  return { conclusion: 'failure', reason: 'runner-lost', lost: 'worker-crashed' };
}

const CANCELLED: Readonly<Record<CancelAsked['cause'], Pick<LastWord, 'conclusion' | 'reason'>>> = {
  user: { conclusion: 'cancelled', reason: 'cancelled-by-user' },
  'fail-fast': { conclusion: 'cancelled', reason: 'fail-fast' },
  concurrency: { conclusion: 'cancelled', reason: 'concurrency' },
  withdrawn: { conclusion: 'cancelled', reason: 'withdrawn' },
  timeout: { conclusion: 'cancelled', reason: 'timed-out' },
  // Nobody wanted the job to end: its agent had to.
  shutdown: { conclusion: 'failure', reason: 'agent-drained' },
};
