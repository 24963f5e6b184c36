import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import { cancelInstance } from './cancel.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { GroupRequest } from './flow-state.ts';
import { settleInstance } from './settle.ts';

/** GitHub's limit for `queue: max`. */
const MAX_QUEUED_IN_GROUP = 100;

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
  if (wouldWaitForItself(draft, key, group.holder)) {
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
 * True when `holder` cannot end before `key` does: it is a workflow around `key`, or something in it waits for a group
 * whose holder is one. (Those that wait before `key` wait for the same holder, so they need no look.)
 */
function wouldWaitForItself(draft: FlowDraft, key: string, firstHolder: string): boolean {
  const seen = new Set<string>();
  const open = [firstHolder];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (isWithin(key, holder)) return true;
    if (seen.has(holder)) continue;
    seen.add(holder);
    for (const [, other] of draft.groups.entries()) {
      const waits = other.waiting.some((waiting) => isWithin(waiting, holder));
      if (other.holder !== null && waits) open.push(other.holder);
    }
  }
  return false;
}

/** True for an instance itself and for everything in a workflow that it calls. */
function isWithin(key: string, caller: string): boolean {
  return key === caller || key.startsWith(`${caller}.`);
}
