import { isHeldBack, openRun } from './begin-run.ts';
import { cancelInstance, cancelIteration, cancelScope } from './cancel.ts';
import { launchInstance } from './advance-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { CancelCause, FlowEvent } from './flow-event.ts';
import { resumeRun } from './pause.ts';
import { cancelOnRequest } from './requests.ts';
import { settleInstance } from './settle-instance.ts';

type Granted = FlowEvent & { readonly kind: 'group-granted' };
type Refused = FlowEvent & { readonly kind: 'group-refused' };

export function groupGranted(draft: FlowDraft, { key, group }: Granted): void {
  if (key === '') {
    if (draft.group === null || !isHeldBack(draft) || draft.group.request.group !== group) return;
    draft.group = { ...draft.group, held: true };
    openRun(draft);
    // What two of them name is cancelled already.
    for (const target of draft.cancels) cancelOnRequest(draft, target, '', 'cancelled-by-user');
    draft.cancels = [];
    return;
  }
  if (!asksFor(draft, key, group)) return;
  const { groupsHeld } = draft.instances.get(key);
  draft.instances.update(key, { groupsHeld: groupsHeld + 1 });
  launchInstance(draft, key);
}

export function groupRefused(draft: FlowDraft, { key, group, conclusion, message }: Refused): void {
  if (key === '') {
    if (isHeldBack(draft) && draft.group?.request.group === group) cancelRun(draft, 'concurrency', true);
    return;
  }
  if (asksFor(draft, key, group))
    settleInstance(draft, key, { conclusion, reason: 'concurrency' }, { announce: true, message });
}

/** Who holds a group is asked to end. */
export function groupWanted(draft: FlowDraft, key: string): void {
  if (key === '') {
    cancelRun(draft, 'concurrency', false);
    return;
  }
  const instance = draft.instances.find(key);
  if (instance === null) return;
  // What a gate or a loop does ends with its iteration.
  if (instance.settings.kind === 'body') cancelIteration(draft, instance.iteration, 'concurrency', false);
  else cancelInstance(draft, key, 'concurrency', false, null);
}

export function cancelRun(draft: FlowDraft, cause: CancelCause, force: boolean): void {
  const heldBack = isHeldBack(draft);
  if (heldBack && draft.group !== null) {
    draft.commands.push({ kind: 'release-group', key: '', group: draft.group.request.group });
    draft.group = null;
    openRun(draft);
  }
  // Nothing has begun that could want to clean up.
  cancelScope(draft, '', cause, force || heldBack);
  // What cleans up is not to wait for somebody who has no more interest in the run.
  resumeRun(draft);
}

function asksFor(draft: FlowDraft, key: string, group: string): boolean {
  const instance = draft.instances.find(key);
  return instance?.status.kind === 'launching' && instance.settings.groups[instance.groupsHeld]?.group === group;
}
