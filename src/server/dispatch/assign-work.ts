/** An attempt that is ready. */
export interface Candidate {
  readonly id: string;
  readonly job: number;
  readonly labelSet: number;
  readonly priority: number;
}

/** A session with room; `room` goes down with every attempt that it is given. */
export interface FreeSession {
  readonly session: string;
  readonly runner: string;
  room: number;
  readonly labelSets: ReadonlySet<number>;
  readonly declined: ReadonlySet<string>;
}

export interface Assignment {
  readonly pairs: readonly { readonly session: FreeSession; readonly id: string; readonly labelSet: number }[];
  /** For each label set, attempts nobody took: all that could were full, or had declined it. */
  readonly unassigned: readonly { readonly labelSet: number; readonly count: { full: number; declined: number } }[];
}

/**
 * Who gets what: attempts by priority, then by the age of the job; each goes to the session with most room, of equals to
 * the one that has waited longest.
 * @param sessions In the order in which they began to wait.
 */
export function assignWork(candidates: readonly Candidate[], sessions: readonly FreeSession[]): Assignment {
  const inOrder = [...candidates].sort((one, other) => other.priority - one.priority || one.job - other.job);
  const pairs: { session: FreeSession; id: string; labelSet: number }[] = [];
  const unassigned = new Map<number, { full: number; declined: number }>();
  for (const { id, labelSet } of inOrder) {
    let best: FreeSession | null = null;
    let declined = false;
    for (const session of sessions) {
      if (session.room === 0 || !session.labelSets.has(labelSet)) continue;
      if (session.declined.has(id)) declined = true;
      else if (best === null || session.room > best.room) best = session;
    }
    if (best !== null) {
      best.room--;
      pairs.push({ session: best, id, labelSet });
      continue;
    }
    const count = unassigned.get(labelSet) ?? { full: 0, declined: 0 };
    if (declined) count.declined++;
    else count.full++;
    unassigned.set(labelSet, count);
  }
  return { pairs, unassigned: [...unassigned].map(([labelSet, count]) => ({ labelSet, count })) };
}
