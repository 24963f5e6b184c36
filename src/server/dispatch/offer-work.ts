import type { Offer } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { nextFence } from '../storage/fence.ts';
import { Statement, times } from '../storage/statement.ts';
import { assignWork, type Candidate, type FreeSession } from './assign-work.ts';
import { OFFERS_AT_ONCE, PAUSED_MS } from './limits.ts';
import { moveAttempts } from './move-attempt.ts';
import { describeOffers } from './describe-offers.ts';

/** Sessions that wait for work and can do the same. */
export interface WaitingClass {
  /** What of the queue they are asked about; they satisfy all of these. */
  readonly labelSets: readonly number[];
  readonly sessions: readonly {
    readonly session: string;
    /** As its agent says. */
    readonly free: number;
    /** Attempts that it declined lately. */
    readonly declined: readonly string[];
  }[];
}

export interface OfferedWork {
  readonly offers: readonly { readonly session: string; readonly offer: Offer }[];
  /** Sessions that may not have anything now: over, draining, paused, consumed, or with as much as they have slots. */
  readonly barred: readonly string[];
  /** Label sets that may have more for others. */
  readonly left: readonly number[];
  /** Label sets whose next attempt may be offered later, in milliseconds. */
  readonly later: readonly { readonly labelSet: number; readonly ms: number }[];
  /** Label sets with something that all who could take it have declined: whoever comes next may. */
  readonly declined: readonly number[];
}

/** After another server was faster every time: it may not commit what it took. */
const CONTENDED_AGAIN_MS = 50;
/** Times that what another server took is left out and the queue is read again. */
const ROUNDS = 4;

/**
 * Gives waiting sessions what is ready, the highest priority first, the older job among equals, to the session with most
 * room. What it gives out leaves the queue, is offered, and has its lease in one transaction.
 */
export async function offerWork(
  context: OperationContext,
  { classes }: { readonly classes: readonly WaitingClass[] },
): Promise<OfferedWork> {
  const { sessions, barred } = await roomOf(context, classes);
  const labelSets = [...new Set(classes.flatMap(({ labelSets: ids }) => ids))];
  const claimed: { session: FreeSession; id: string }[] = [];
  const left = new Set<number>();
  const unwanted = new Set<number>();
  const taken: string[] = [];
  let contended: readonly number[] = [];
  const fence = sessions.length === 0 || labelSets.length === 0 ? 0 : await nextFence(context);
  for (let round = 0; round < ROUNDS; round++) {
    const open = sessions.filter(({ room }) => room > 0);
    const asked = labelSets.filter((id) => open.some((session) => session.labelSets.has(id)));
    for (const id of labelSets) if (!asked.includes(id)) left.add(id);
    if (asked.length === 0) break;
    // What all have declined must not hide what is behind it.
    const wanted = open.reduce((sum, { room, declined }) => sum + room + declined.size, 0);
    const limit = Math.min(wanted, OFFERS_AT_ONCE);
    const candidates = await readyOf(context, asked, limit, taken);
    const assigned = assignWork(candidates, open);
    // Only where it got on: otherwise it would be asked the same again and again.
    const given = new Set(assigned.pairs.map(({ labelSet }) => labelSet));
    for (const id of asked)
      if (given.has(id) && candidates.filter(({ labelSet }) => labelSet === id).length === limit) left.add(id);
    for (const { labelSet, count } of assigned.unassigned) {
      if (count.declined > 0) unwanted.add(labelSet);
      if (count.full > 0) left.add(labelSet);
    }
    const got = await claim(context, assigned.pairs, fence);
    claimed.push(...got);
    const lost = assigned.pairs.filter(({ id }) => !got.some((pair) => pair.id === id));
    taken.push(...lost.map(({ id }) => id));
    contended = lost.map(({ labelSet }) => labelSet);
    if (lost.length === 0) break;
    for (const { session } of lost) session.room++;
  }
  return {
    offers: await describeOffers(
      context,
      claimed.map(({ session, id }) => ({ session: session.session, id, fence })),
    ),
    barred,
    left: [...left],
    later: [
      ...(await laterOf(context, labelSets)),
      ...contended.map((labelSet) => ({ labelSet, ms: CONTENDED_AGAIN_MS })),
    ],
    declined: [...unwanted],
  };
}

async function roomOf(
  context: OperationContext,
  classes: readonly WaitingClass[],
): Promise<{ readonly sessions: FreeSession[]; readonly barred: readonly string[] }> {
  const ids = classes.flatMap(({ sessions }) => sessions.map(({ session }) => session));
  if (ids.length === 0) return { sessions: [], barred: [] };
  const rows = await READ_LIVE.execute(context, ids, ids.length);
  const leases = await COUNT_LEASES.execute(context, ids, ids.length);
  const busy = new Map(leases.map(({ session_id, count }) => [session_id, Number(count)]));
  const live = new Map(rows.map((row) => [row.id, row]));
  const sessions: FreeSession[] = [];
  const barred: string[] = [];
  for (const { labelSets, sessions: waiting } of classes) {
    const satisfied = new Set(labelSets);
    for (const { session, free, declined } of waiting) {
      const row = live.get(session);
      if (!row) {
        barred.push(session);
        continue;
      }
      const slots = row.ephemeral === 1 ? 1 : row.slots;
      const room = Math.max(0, Math.min(free, slots - (busy.get(session) ?? 0)));
      if (room === 0) barred.push(session);
      else sessions.push({ session, runner: row.runner, room, labelSets: satisfied, declined: new Set(declined) });
    }
  }
  return { sessions, barred };
}

const READ_LIVE = new Statement((db, hole, rows, locks) =>
  db
    .selectFrom('session')
    .innerJoin('runner', 'runner.id', 'session.runner_id')
    .select(['session.id', 'session.slots', 'runner.id as runner', 'runner.ephemeral'])
    .where('session.id', 'in', times(rows, hole))
    .where('session.state', '=', 'live')
    .where('runner.paused', '=', 0)
    .where('runner.removed_at', 'is', null)
    .where((where) => where.or([where('runner.ephemeral', '=', 0), where('runner.consumed', '=', 0)]))
    .orderBy('session.id')
    // A session that is drained at the same time is drained before or after, not in between.
    .$if(locks, (query) => query.forUpdate('session')),
);

const COUNT_LEASES = new Statement((db, hole, rows) =>
  db
    .selectFrom('lease')
    .select((select) => ['session_id', select.fn.countAll<number | string>().as('count')])
    .where('session_id', 'in', times(rows, hole))
    .groupBy('session_id'),
);

/** The first of each label set, so that a long queue of one does not hide another. */
async function readyOf(
  context: OperationContext,
  labelSets: readonly number[],
  limit: number,
  except: readonly string[],
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const labelSet of labelSets) {
    const rows = await READ_READY.execute(context, [labelSet, context.now, ...except, limit], except.length);
    for (const row of rows)
      found.push({ id: row.attempt_id, job: row.job_id, labelSet: row.label_set_id, priority: row.priority });
  }
  return found;
}

/** Rows are those that are left out. */
const READ_READY = new Statement((db, hole, rows) =>
  db
    .selectFrom('ready')
    .select(['attempt_id', 'job_id', 'label_set_id', 'priority'])
    .where('label_set_id', '=', hole())
    .where('not_before', '<=', hole())
    .$if(rows > 0, (query) => query.where('attempt_id', 'not in', times(rows, hole)))
    .orderBy('priority', 'desc')
    .orderBy('job_id')
    .limit(hole()),
);

async function claim(
  context: OperationContext,
  pairs: readonly { readonly session: FreeSession; readonly id: string }[],
  fence: number,
): Promise<{ session: FreeSession; id: string }[]> {
  if (pairs.length === 0) return [];
  const ids = pairs.map(({ id }) => id);
  const rows = await READ_QUEUED.execute(context, ids, ids.length);
  const fences = new Map(rows.map((row) => [row.id, row.fence]));
  const sessions = new Map<FreeSession, { id: string; fence: number }[]>();
  for (const { session, id } of pairs) {
    const before = fences.get(id);
    if (before === undefined) continue;
    sessions.set(session, [...(sessions.get(session) ?? []), { id, fence: before }]);
  }
  const claimed: { session: FreeSession; id: string }[] = [];
  for (const [session, held] of sessions) {
    const move = { to: 'offered', session: session.session, runner: session.runner, fence } as const;
    for (const id of await moveAttempts(context, held, move)) claimed.push({ session, id });
  }
  return claimed;
}

const READ_QUEUED = new Statement((db, hole, rows, locks) =>
  db
    .selectFrom('attempt')
    .select(['id', 'fence'])
    .where('id', 'in', times(rows, hole))
    .where('state', '=', 'queued')
    .orderBy('id')
    .$if(locks, (query) => query.forUpdate().skipLocked()),
);

async function laterOf(
  context: OperationContext,
  labelSets: readonly number[],
): Promise<{ labelSet: number; ms: number }[]> {
  if (labelSets.length === 0) return [];
  const { now } = context;
  const rows = await READ_LATER.execute(context, [...labelSets, now], labelSets.length);
  return rows.map(({ label_set_id, at }) => ({ labelSet: label_set_id, ms: at - now }));
}

const READ_LATER = new Statement((db, hole, rows) =>
  db
    .selectFrom('ready')
    .select((select) => ['label_set_id', select.fn.min('not_before').as('at')])
    .where('label_set_id', 'in', times(rows, hole))
    .where('not_before', '>', hole())
    .where('not_before', '<', PAUSED_MS)
    .groupBy('label_set_id'),
);
