import type { AcquireGroup, FlowEvent, ReleaseGroup } from './flow-event.ts';
import { type Group, joinGroup, leaveGroup, NOBODY, replacedBy, type Wait } from './group-queue.ts';

/** The one run that there is. */
const RUN = 0;

/** Concurrency groups of a run that nobody shares: what it asks for goes in, what it is to be told comes out. */
export class GroupsInMemory {
  readonly #groups = new Map<string, Group>();

  acquire({ key, request }: AcquireGroup): FlowEvent[] {
    const { group } = request;
    const member = { run: RUN, key };
    const joined = joinGroup(this.#groups.get(group) ?? NOBODY, member, request, this.#waits());
    switch (joined.kind) {
      case 'granted':
        this.#groups.set(group, joined.group);
        return [{ kind: 'group-granted', key, group }];
      case 'refused': {
        const { conclusion, message } = joined;
        return [{ kind: 'group-refused', key, group, conclusion, message }];
      }
      case 'waits': {
        this.#groups.set(group, joined.group);
        const message = replacedBy(member, group);
        return [
          ...joined.replaced.map((older): FlowEvent => ({
            kind: 'group-refused',
            key: older.key,
            group,
            conclusion: 'cancelled',
            message,
          })),
          ...(joined.cancel ? [{ kind: 'group-wanted' as const, key: joined.cancel.key }] : []),
        ];
      }
    }
  }

  release({ key, group }: ReleaseGroup): FlowEvent[] {
    const known = this.#groups.get(group);
    if (!known) return [];
    const left = leaveGroup(known, { run: RUN, key });
    if (left.group.holders.length === 0) this.#groups.delete(group);
    else this.#groups.set(group, left.group);
    return left.granted.map((next) => ({ kind: 'group-granted', key: next.key, group }));
  }

  /** Names of those that somebody holds. */
  get held(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Of groups that nobody waits for there is nothing to know, so most often this is nothing. */
  #waits(): Wait[] {
    return [...this.#groups.values()].flatMap(({ holders, waiting }) =>
      waiting.map((waiter) => ({ waiter, holders, limit: waiter.limit })),
    );
  }
}
