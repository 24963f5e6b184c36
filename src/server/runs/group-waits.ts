import type { Kysely } from 'kysely';
import type { GroupMember } from '../../flow/group-queue.ts';
import type { Database } from '../database.ts';

/** Those who wait for a concurrency group: a row for each that has it. */
export function waitersBesideHolders(db: Kysely<Database>) {
  return db
    .selectFrom('group_member as waiter')
    .innerJoin('group_member as holder', (join) =>
      join
        .onRef('holder.scope', '=', 'waiter.scope')
        .onRef('holder.name', '=', 'waiter.name')
        .on('holder.state', '=', 'holds'),
    )
    .where('waiter.state', '=', 'waits');
}

/** Why each of them waits, by what names it. @param rows In the order in which their holders are to be named. */
export function waitSentences<Row extends { readonly name: string; readonly run: number }, Id>(
  rows: readonly Row[],
  idOf: (row: Row) => Id,
): Map<Id, string> {
  const waits = new Map<Id, { readonly name: string; readonly holders: { run: number }[] }>();
  for (const row of rows) {
    const wait = waits.get(idOf(row)) ?? { name: row.name, holders: [] };
    wait.holders.push({ run: row.run });
    waits.set(idOf(row), wait);
  }
  return new Map([...waits].map(([id, { name, holders }]) => [id, waitSentence(name, holders)]));
}

/** Why somebody waits for a group: a sentence. */
export function waitSentence(name: string, holders: readonly Pick<GroupMember, 'run'>[]): string {
  if (holders.length === 0) return `it waits for the concurrency group '${name}'`;
  const runs = [...new Set(holders.map(({ run }) => run))];
  const named = runs.slice(0, MAX_NAMED_HOLDERS).join(', ');
  const more = runs.length > MAX_NAMED_HOLDERS ? ` and ${runs.length - MAX_NAMED_HOLDERS} more` : '';
  return `concurrency group '${name}' is held by ${runs.length === 1 ? 'run' : 'runs'} ${named}${more}`;
}

const MAX_NAMED_HOLDERS = 3;
