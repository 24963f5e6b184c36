import type { GroupRequest } from './flow-state.ts';

/**
 * The rules of concurrency groups, for whoever keeps them: in memory for one run, in a table for all of a repository.
 * One holds a group; one waits, and gives way when a newer one comes (unless they queue).
 */
export interface GroupMember {
  readonly run: number;
  /** Of an instance, or '' for the run itself. */
  readonly key: string;
}

export interface Group {
  readonly holder: GroupMember | null;
  /** First come, first served. */
  readonly waiting: readonly GroupMember[];
}

export type Joining =
  | { readonly kind: 'granted'; readonly group: Group }
  | {
      readonly kind: 'waits';
      readonly group: Group;
      /** Those that waited and are refused now. */
      readonly replaced: readonly GroupMember[];
      /** The holder, when it is to end for the newer one. */
      readonly cancel: GroupMember | null;
    }
  | { readonly kind: 'refused'; readonly conclusion: 'failure' | 'cancelled'; readonly message: string };

/** GitHub's limit for `queue: max`. */
const MAX_QUEUED_IN_GROUP = 100;

/** `waits`: who waits for whom in other groups, as far as it may matter. A member that is in the group already stays as it is. */
export function joinGroup(
  group: Group,
  member: GroupMember,
  request: GroupRequest,
  waits: readonly { readonly waiter: GroupMember; readonly holder: GroupMember }[],
): Joining {
  const { holder, waiting } = group;
  if (holder === null || isSame(holder, member)) return { kind: 'granted', group: { holder: member, waiting } };
  if (waiting.some((other) => isSame(other, member))) return { kind: 'waits', group, replaced: [], cancel: null };
  if (wouldWaitForItself(member, holder, waits)) {
    const message = endlessWait(request.group);
    return { kind: 'refused', conclusion: 'failure', message };
  }
  if (request.queue && waiting.length >= MAX_QUEUED_IN_GROUP) {
    const message = `${MAX_QUEUED_IN_GROUP} jobs wait for the concurrency group '${request.group}' already.`;
    return { kind: 'refused', conclusion: 'cancelled', message };
  }
  const stay = request.queue ? waiting : [];
  return {
    kind: 'waits',
    group: { holder, waiting: [...stay, member] },
    replaced: request.queue ? [] : waiting,
    cancel: request.cancelInProgress ? holder : null,
  };
}

/** `granted`: whose turn it is now. A member that is not in the group changes nothing. */
export function leaveGroup(
  { holder, waiting }: Group,
  member: GroupMember,
): { readonly group: Group; readonly granted: GroupMember | null } {
  const others = waiting.filter((other) => !isSame(other, member));
  if (holder === null || !isSame(holder, member)) return { group: { holder, waiting: others }, granted: null };
  const [next = null, ...rest] = others;
  return { group: { holder: next, waiting: rest }, granted: next };
}

/** Why one that waited is refused: a sentence. */
export function replacedBy(newer: GroupMember, group: string): string {
  return `A newer ${newer.key === '' ? 'run' : 'job'} waits for the concurrency group '${group}'.`;
}

export function endlessWait(group: string): string {
  return `It would wait for ever for the concurrency group '${group}', which it holds itself or a workflow around it does.`;
}

/** True for a member itself and for everything in a workflow, or a run, that it calls. */
export function isWithin(inner: GroupMember, outer: GroupMember): boolean {
  if (inner.run !== outer.run) return false;
  return outer.key === '' || inner.key === outer.key || inner.key.startsWith(`${outer.key}.`);
}

/**
 * True when `holder` cannot end before `member` does: it is a workflow around it, or something in it waits for a group
 * whose holder is one. (Those that wait before `member` wait for the same holder, so they need no look.)
 */
function wouldWaitForItself(
  member: GroupMember,
  firstHolder: GroupMember,
  waits: readonly { readonly waiter: GroupMember; readonly holder: GroupMember }[],
): boolean {
  const seen = new Set<string>();
  const open = [firstHolder];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    const current = holder;
    if (isWithin(member, current)) return true;
    const id = `${current.run}/${current.key}`;
    if (seen.has(id)) continue;
    seen.add(id);
    for (const wait of waits) if (isWithin(wait.waiter, current)) open.push(wait.holder);
  }
  return false;
}

function isSame(one: GroupMember, other: GroupMember): boolean {
  return one.run === other.run && one.key === other.key;
}
