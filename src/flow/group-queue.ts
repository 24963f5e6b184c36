import type { GroupRequest } from './instance-state.ts';

/**
 * The rules of concurrency groups, for whoever keeps them: in memory for one run, in a table for all of a repository.
 * One holds a group, or as many as the request says; one waits, and gives way when a newer one comes (unless they
 * queue).
 */
export interface GroupMember {
  readonly run: number;
  /** Of an instance, or '' for the run itself. */
  readonly key: string;
}

export interface Group {
  /** The oldest first. */
  readonly holders: readonly LimitedMember[];
  /** First come, first served. */
  readonly waiting: readonly LimitedMember[];
}

export interface LimitedMember extends GroupMember {
  /** How many may hold the group, itself among them, for this one to be among them. */
  readonly limit: number;
}

/** Somebody waits until fewer than `limit` of the holders are left. */
export interface Wait {
  readonly waiter: GroupMember;
  readonly holders: readonly GroupMember[];
  readonly limit: number;
}

export const NOBODY: Group = { holders: [], waiting: [] };

export type Joining =
  | { readonly kind: 'granted'; readonly group: Group }
  | {
      readonly kind: 'waits';
      readonly group: Group;
      /** Those that waited and are refused now. */
      readonly replaced: readonly GroupMember[];
      /** The holder that is to end for the newer one. */
      readonly cancel: GroupMember | null;
    }
  | { readonly kind: 'refused'; readonly conclusion: 'failure' | 'cancelled'; readonly message: string };

/** GitHub's limit for `queue: max`. */
const MAX_QUEUED_IN_GROUP = 100;

/** `waits`: who waits for whom in other groups, as far as it may matter. A member that is in the group already stays as it is. */
export function joinGroup(group: Group, member: GroupMember, request: GroupRequest, waits: readonly Wait[]): Joining {
  const { holders, waiting } = group;
  const limit = limitOf(request);
  if (holders.some((holder) => isSame(holder, member))) return { kind: 'granted', group };
  if (waiting.some((other) => isSame(other, member))) return { kind: 'waits', group, replaced: [], cancel: null };
  // Those that queue up do not overtake.
  if (hasRoom(holders, limit) && (waiting.length === 0 || !request.queue))
    return { kind: 'granted', group: { holders: [...holders, { ...member, limit }], waiting } };
  if (wouldWaitForItself(member, { holders, limit }, waits))
    return { kind: 'refused', conclusion: 'failure', message: endlessWait(request.group) };
  if (request.queue && waiting.length >= MAX_QUEUED_IN_GROUP) {
    const message = `${MAX_QUEUED_IN_GROUP} jobs wait for the concurrency group '${request.group}' already.`;
    return { kind: 'refused', conclusion: 'cancelled', message };
  }
  const stay = request.queue ? waiting : [];
  return {
    kind: 'waits',
    group: { holders, waiting: [...stay, { ...member, limit }] },
    replaced: request.queue ? [] : waiting,
    cancel: request.cancelInProgress ? memberOf(holders[stay.length]) : null,
  };
}

/** How many may hold the group at a time. */
export function limitOf({ limit }: Pick<GroupRequest, 'limit'>): number {
  return limit ?? 1;
}

/** `granted`: whose turn it is now, in order. A member that is not in the group changes nothing. */
export function leaveGroup(
  group: Group,
  member: GroupMember,
): { readonly group: Group; readonly granted: readonly GroupMember[] } {
  const holders = group.holders.filter((other) => !isSame(other, member));
  const waiting = group.waiting.filter((other) => !isSame(other, member));
  const granted: GroupMember[] = [];
  for (const next of waiting) {
    if (!hasRoom(holders, next.limit)) break;
    holders.push(next);
    granted.push({ run: next.run, key: next.key });
  }
  return { group: { holders, waiting: waiting.slice(granted.length) }, granted };
}

/** Everybody who holds it has a say in how many do. */
function hasRoom(holders: readonly LimitedMember[], limit: number): boolean {
  return holders.every((holder) => holders.length < holder.limit) && holders.length < limit;
}

/** Why one that waited is refused: a sentence. */
export function replacedBy(newer: GroupMember, group: string): string {
  return `A newer ${newer.key === '' ? 'run' : 'job'} waits for the concurrency group '${group}'.`;
}

export function endlessWait(group: string): string {
  return `It would wait for ever for the concurrency group '${group}', which it holds itself or a workflow around it does.`;
}

/**
 * True for a member itself, for everything in a workflow, a run or a loop that it calls, and for the jobs around it. A
 * later attempt of it is still the same member; a later iteration is another one.
 */
export function isWithin(inner: GroupMember, outer: GroupMember): boolean {
  if (inner.run !== outer.run) return false;
  if (outer.key === '' || inner.key === outer.key) return true;
  if (!inner.key.startsWith(outer.key)) return false;
  const rest = inner.key.slice(outer.key.length);
  return (LATER_ITERATION.test(outer.key) ? WITHIN_LATER : WITHIN).test(rest);
}

/** The last segment of a key says which iteration it is. */
const LATER_ITERATION = /~\d+$/;
const WITHIN = /^(?:~r\d+)?(?:[.@]|$)/;
const WITHIN_LATER = /^(?:r\d+)?(?:[.@]|$)/;

/**
 * True when fewer than `limit` of the holders can ever be left while `member` waits for them: too many are workflows
 * around it, or wait themselves for what cannot end. (Those that wait before `member` wait for the same holders, so they
 * need no look.)
 */
function wouldWaitForItself(
  member: GroupMember,
  { holders, limit }: Pick<Wait, 'holders' | 'limit'>,
  waits: readonly Wait[],
): boolean {
  const stuck = new Set(waits);
  const cannotEnd = (holder: GroupMember): boolean =>
    isWithin(member, holder) || [...stuck].some(({ waiter }) => isWithin(waiter, holder));
  const isStuck = (wait: Pick<Wait, 'holders' | 'limit'>): boolean =>
    wait.holders.filter(cannotEnd).length >= wait.limit;
  // Those that can go on let others go on.
  for (let known = Infinity; stuck.size < known;) {
    known = stuck.size;
    for (const wait of stuck) if (!isStuck(wait)) stuck.delete(wait);
  }
  return isStuck({ holders, limit });
}

function memberOf(member: LimitedMember | undefined): GroupMember | null {
  return member === undefined ? null : { run: member.run, key: member.key };
}

function isSame(one: GroupMember, other: GroupMember): boolean {
  return one.run === other.run && one.key === other.key;
}
