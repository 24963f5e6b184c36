import type { AcquireGroup, FlowEvent, ReleaseGroup } from '../../src/flow/flow-event.ts';
import { type Group, joinGroup, leaveGroup, NOBODY, replacedBy, type Wait } from '../../src/flow/group-queue.ts';

/** Concurrency groups that several runs share. Plain JSON, so that it can be stored. */
export type StoredGroups = Readonly<Record<string, Group>>;

export interface GroupAnswer {
  readonly run: number;
  readonly event: FlowEvent;
}

export function acquire(
  groups: StoredGroups,
  run: number,
  { key, request }: AcquireGroup,
): [StoredGroups, GroupAnswer[]] {
  const { group } = request;
  const member = { run, key };
  const joined = joinGroup(groups[group] ?? NOBODY, member, request, waitsOf(groups));
  if (joined.kind === 'refused') {
    const { conclusion, message } = joined;
    return [groups, [{ run, event: { kind: 'group-refused', key, group, conclusion, message } }]];
  }
  const after = { ...groups, [group]: joined.group };
  if (joined.kind === 'granted') return [after, [{ run, event: { kind: 'group-granted', key, group } }]];
  const refusal = {
    kind: 'group-refused',
    group,
    conclusion: 'cancelled',
    message: replacedBy(member, group),
  } as const;
  const { replaced, cancel } = joined;
  return [
    after,
    [
      ...replaced.map((older): GroupAnswer => ({ run: older.run, event: { ...refusal, key: older.key } })),
      ...(cancel ? [{ run: cancel.run, event: { kind: 'group-wanted', key: cancel.key } } as const] : []),
    ],
  ];
}

export function release(
  groups: StoredGroups,
  run: number,
  { key, group }: ReleaseGroup,
): [StoredGroups, GroupAnswer[]] {
  const known = groups[group];
  if (!known) return [groups, []];
  const left = leaveGroup(known, { run, key });
  const answers = left.granted.map((next): GroupAnswer => ({
    run: next.run,
    event: { kind: 'group-granted', key: next.key, group },
  }));
  return [{ ...groups, [group]: left.group }, answers];
}

function waitsOf(groups: StoredGroups): Wait[] {
  return Object.values(groups).flatMap(({ holders, waiting }) =>
    waiting.map((waiter) => ({ waiter, holders, limit: waiter.limit })),
  );
}
