import { acceptAttempt } from './accept-attempt.ts';
import { pauseRunner, removeRunner } from './change-runner.ts';
import { checkRunner } from './check-runner.ts';
import { declineAttempt } from './decline-attempt.ts';
import { closeSession, drainSession, withdrawSessionOffers } from './end-session.ts';
import { failAttempt } from './fail-attempt.ts';
import { findLogWriter } from './find-attempt.ts';
import { findSession, touchSessions } from './find-session.ts';
import { findRunnerKey } from './find-runner-key.ts';
import { readyLabelSets } from './ready-label-sets.ts';
import { listRunnerViews } from './list-runners.ts';
import { offerWork } from './offer-work.ts';
import { openSession } from './open-session.ts';
import { pollState } from './poll-state.ts';
import { registerRunner } from './register-runner.ts';
import { extendLeases, sweep } from './sweep.ts';
import { syncAttempts } from './sync-attempts.ts';
import { tellSessions } from './tell-sessions.ts';

/** Runners, their sessions, and who has which attempt. */
export const dispatchOperations = {
  'register-runner': registerRunner,
  'find-runner-key': findRunnerKey,
  'check-runner': checkRunner,
  'open-session': openSession,
  'close-session': closeSession,
  'drain-session': drainSession,
  'find-session': findSession,
  'touch-sessions': touchSessions,
  'ready-label-sets': readyLabelSets,
  'offer-work': offerWork,
  'withdraw-offers': withdrawSessionOffers,
  'poll-state': pollState,
  'tell-sessions': tellSessions,
  'accept-attempt': acceptAttempt,
  'decline-attempt': declineAttempt,
  'fail-attempt': failAttempt,
  'sync-attempts': syncAttempts,
  'find-log-writer': findLogWriter,
  sweep,
  'extend-leases': extendLeases,
  'list-runners': listRunnerViews,
  'pause-runner': pauseRunner,
  'remove-runner': removeRunner,
};

export const DISPATCH_READS = [
  'find-runner-key',
  'find-session',
  'ready-label-sets',
  'poll-state',
  'find-log-writer',
  'list-runners',
] as const satisfies readonly (keyof typeof dispatchOperations)[];
