import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import { cancelInstance } from './cancel.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { GroupRequest, GroupState } from './flow-state.ts';
import { settleInstance } from './settle.ts';

/** GitHub's limit for `queue: max`. */
export const MAX_QUEUED_IN_GROUP = 100;

export type GroupAnswer =
  'taken' | 'waits' | { readonly conclusion: JobConclusion; readonly reason: Reason; readonly message: string };

/**
 * Asks for a concurrency group of this run. One instance holds it; one waits, and is cancelled when a newer one comes
 * (unless they queue). `cancel-in-progress` also asks the holder to end, and the newer one waits until it has.
 */
export function takeGroup(draft: FlowDraft, key: string, request: GroupRequest): GroupAnswer {
  const group = draft.groups.find(request.group) ?? { holder: null, waiting: [] };
  if (group.holder === null) {
    draft.groups.set(request.group, { ...group, holder: key });
    return 'taken';
  }
  if (wouldWaitForItself(draft, key, group, request)) {
    const message = `It would wait for ever for the concurrency group '${request.group}', which it holds itself or a workflow around it does.`;
    return { conclusion: 'failure', reason: 'concurrency', message };
  }
  if (request.queue && group.waiting.length >= MAX_QUEUED_IN_GROUP) {
    const message = `${MAX_QUEUED_IN_GROUP} jobs wait for the concurrency group '${request.group}' already.`;
    return { conclusion: 'cancelled', reason: 'concurrency', message };
  }
  const replaced = request.queue ? [] : group.waiting;
  draft.groups.set(request.group, { holder: group.holder, waiting: request.queue ? [...group.waiting, key] : [key] });
  for (const older of replaced) {
    const message = `A newer job waits for the concurrency group '${request.group}'.`;
    settleInstance(draft, older, 'cancelled', 'concurrency', { announce: true, message });
  }
  if (request.cancelInProgress) cancelInstance(draft, group.holder, 'concurrency', false);
  return 'waits';
}

/**
 * True when what holds the group cannot end before `key` does: a workflow around `key` holds it, or something that the
 * holder waits for is held by one.
 */
function wouldWaitForItself(draft: FlowDraft, key: string, group: GroupState, request: GroupRequest): boolean {
  const seen = new Set<string>();
  const open = blockers(group, request.queue);
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (isWithin(key, holder)) return true;
    if (seen.has(holder)) continue;
    seen.add(holder);
    for (const [, other] of draft.groups.entries()) {
      other.waiting.forEach((waiting, index) => {
        if (other.holder !== null && isWithin(waiting, holder))
          open.push(other.holder, ...other.waiting.slice(0, index));
      });
    }
  }
  return false;
}

function blockers(group: GroupState, queue: boolean): string[] {
  return [...(group.holder === null ? [] : [group.holder]), ...(queue ? group.waiting : [])];
}

/** True for an instance itself and for everything in a workflow that it calls. */
function isWithin(key: string, caller: string): boolean {
  return key === caller || key.startsWith(`${caller}.`);
}
