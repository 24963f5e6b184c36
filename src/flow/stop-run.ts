import { cancelScope } from './cancel.ts';
import { finallyScope } from './finally-scope.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ending } from './main-part.ts';
import { OVER_LIMIT, TOO_MUCH_WORK } from './run-limits.ts';

/**
 * The run goes on and on: all of it is ended by force, but `finally` of its workflow still runs. When that goes on and on
 * as well, it is ended, too. A run that was cancelled before stays cancelled.
 */
export function stopRun(draft: FlowDraft): void {
  if (draft.stopped === null) {
    const { cancelled } = draft.scopes.get('');
    // All of it is ending already.
    if (cancelled?.force) return;
    draft.stopped = { told: cancelled !== null };
    cancelScope(draft, '', 'run-limit', true);
  } else if (draft.scopes.find(finallyScope('')) !== null) cancelScope(draft, finallyScope(''), 'run-limit', true);
}

/** How the first job ends that would go on; the others are cancelled. Null for those, and where nothing was stopped. */
export function endingOfStopped(draft: FlowDraft): Ending | null {
  if (draft.stopped?.told !== false) return null;
  draft.stopped = { told: true };
  return { ...OVER_LIMIT, message: TOO_MUCH_WORK };
}
