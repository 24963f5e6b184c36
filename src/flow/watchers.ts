import type { FlowDraft } from './flow-draft.ts';
import type { JobState } from './job-state.ts';
import { isSpent } from './run-limits.ts';

/** A job is somewhere else: those that look at it and wait look again. */
export function lookAgain(draft: FlowDraft, { watchers }: Pick<JobState, 'watchers'>): void {
  for (const watcher of watchers) {
    if (isSpent(draft)) {
      draft.isCut = true;
      return;
    }
    for (const iteration of draft.jobs.get(watcher).gated) draft.push({ kind: 'gate', iteration });
  }
}
