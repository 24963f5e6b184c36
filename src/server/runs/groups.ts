import type { AcquireGroup, FlowEvent, ReleaseGroup } from '../../flow/flow-event.ts';
import {
  type Group,
  type GroupMember,
  isWithin,
  joinGroup,
  leaveGroup,
  limitOf,
  replacedBy,
  type Wait,
} from '../../flow/group-queue.ts';
import type { RunEvent } from '../../protocol/events.ts';
import type { OperationContext } from '../operation.ts';
import type { Answer } from './carry-out.ts';
import { waitersBesideHolders, waitSentence } from './group-waits.ts';
import { lockText } from './lock-text.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';

/** Concurrency groups of all runs of a repository, or of all runs that have none. */
interface Place {
  readonly scope: string;
  readonly name: string;
}

/** Asks for a group, for an instance of the run or for the run itself. */
export async function acquireGroup(
  context: OperationContext,
  run: RunRow,
  { key, request }: AcquireGroup,
): Promise<Answer[]> {
  const place = { scope: await scopeOf(context, run), name: request.group };
  await lockText(context, `group ${place.scope} ${place.name}`);
  const group = await readGroup(context, place);
  const member = { run: run.id, key };
  const capacity = limitOf(request);
  const joined = joinGroup(group, member, request, await waitsAround(context, place.scope, member));
  const tell = (other: GroupMember, event: FlowEvent): Answer => ({ run: other.run, event });
  switch (joined.kind) {
    case 'granted':
      await writeMember(context, place, member, { state: 'holds', capacity });
      return [tell(member, { kind: 'group-granted', key, group: place.name })];
    case 'refused': {
      const { conclusion, message } = joined;
      return [tell(member, { kind: 'group-refused', key, group: place.name, conclusion, message })];
    }
    case 'waits': {
      await writeMember(context, place, member, { state: 'waits', capacity });
      for (const older of joined.replaced) await removeMember(context, place, older);
      await showWait(context, place, member, joined.group.holders);
      const refusal = { group: place.name, conclusion: 'cancelled' as const, message: replacedBy(member, place.name) };
      return [
        ...joined.replaced.map((older) => tell(older, { kind: 'group-refused', key: older.key, ...refusal })),
        ...(joined.cancel ? [tell(joined.cancel, { kind: 'group-wanted', key: joined.cancel.key })] : []),
      ];
    }
  }
}

/** Gives a group back, to the first that waits, or to as many as may have it now. */
export async function releaseGroup(
  context: OperationContext,
  run: RunRow,
  { key, group: name }: ReleaseGroup,
): Promise<Answer[]> {
  const place = { scope: await scopeOf(context, run), name };
  await lockText(context, `group ${place.scope} ${place.name}`);
  const member = { run: run.id, key };
  const { granted } = leaveGroup(await readGroup(context, place), member);
  await removeMember(context, place, member);
  for (const next of granted) {
    await writeMember(context, place, next, { state: 'holds' });
    if (next.key === '') await showRunning(context, next.run);
  }
  return granted.map((next) => ({ run: next.run, event: { kind: 'group-granted', key: next.key, group: name } }));
}

async function scopeOf({ db }: OperationContext, { repo_id }: RunRow): Promise<string> {
  if (repo_id === null) return '';
  const { name } = await db.selectFrom('repo').select('name').where('id', '=', repo_id).executeTakeFirstOrThrow();
  return name;
}

async function readGroup({ db }: OperationContext, { scope, name }: Place): Promise<Group> {
  const rows = await db
    .selectFrom('group_member')
    .select(['run_id', 'key', 'state', 'capacity'])
    .where('scope', '=', scope)
    .where('name', '=', name)
    .orderBy('position')
    .execute();
  const members = (state: string) =>
    rows.filter((row) => row.state === state).map(({ run_id: run, key, capacity: limit }) => ({ run, key, limit }));
  return { holders: members('holds'), waiting: members('waits') };
}

/** Who waits for whom, when that may matter: for one that has nothing around it, no wait can be endless. */
async function waitsAround({ db }: OperationContext, scope: string, member: GroupMember): Promise<Wait[]> {
  const own = await db
    .selectFrom('group_member')
    .select(['run_id', 'key'])
    .where('run_id', '=', member.run)
    .where('state', '=', 'holds')
    .execute();
  if (!own.some(({ run_id: run, key }) => isWithin(member, { run, key }))) return [];
  const rows = await waitersBesideHolders(db)
    .select(['waiter.run_id', 'waiter.key', 'waiter.name', 'waiter.capacity'])
    .select(['holder.run_id as holder_run', 'holder.key as holder_key'])
    .where('waiter.scope', '=', scope)
    .execute();
  const waits = new Map<string, { waiter: GroupMember; holders: GroupMember[]; limit: number }>();
  for (const { run_id: run, key, name, capacity: limit, holder_run, holder_key } of rows) {
    const id = JSON.stringify([run, key, name]);
    const wait = waits.get(id) ?? { waiter: { run, key }, holders: [], limit };
    wait.holders.push({ run: holder_run, key: holder_key });
    waits.set(id, wait);
  }
  return [...waits.values()];
}

async function writeMember(
  { db }: OperationContext,
  { scope, name }: Place,
  { run, key }: GroupMember,
  /** One that waited keeps its capacity. */
  values: { readonly state: 'holds' | 'waits'; readonly capacity?: number },
): Promise<void> {
  const { last } = await db
    .selectFrom('group_member')
    .select((select) => select.fn.max<number | null>('position').as('last'))
    .where('scope', '=', scope)
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  await db
    .insertInto('group_member')
    .values({ scope, name, run_id: run, key, ...values, position: (last ?? 0) + 1 })
    .onConflict((conflict) => conflict.columns(['scope', 'name', 'run_id', 'key']).doUpdateSet(values))
    .execute();
}

async function removeMember(
  { db }: OperationContext,
  { scope, name }: Place,
  { run, key }: GroupMember,
): Promise<void> {
  await db
    .deleteFrom('group_member')
    .where('scope', '=', scope)
    .where('name', '=', name)
    .where('run_id', '=', run)
    .where('key', '=', key)
    .execute();
}

async function showWait(
  context: OperationContext,
  { name }: Place,
  { run, key }: GroupMember,
  holders: readonly GroupMember[],
): Promise<void> {
  const { db, now } = context;
  if (key === '') await db.updateTable('run').set({ state: 'waiting', waiting: name }).where('id', '=', run).execute();
  const event: RunEvent = {
    type: 'waiting',
    at: isoTime(now),
    job: key === '' ? null : key,
    reason: waitSentence(name, holders),
  };
  await emit(context, run, event);
}

async function showRunning({ db }: OperationContext, runId: number): Promise<void> {
  await db.updateTable('run').set({ state: 'running', waiting: null }).where('id', '=', runId).execute();
}
