import { IMPLIED_LABEL } from '../../protocol/default-labels.ts';
import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';
import { ACCESS_PREFIXES, groupsOf } from './group-access.ts';

const GROUP_PREFIX = 'group:';
const FEATURE_PREFIX = 'feature:';

export interface Wanted {
  /** Of `runs-on`. */
  readonly labels: readonly string[];
  /** Of `runs-on`. */
  readonly group?: string | null;
  /** Names of what the job needs the agent to be able to do. */
  readonly features?: readonly string[];
  /** Which groups it may go to, see `accessLabel`. */
  readonly access?: string | null;
}

/**
 * What a job asks of a runner, interned: jobs that ask the same have one number. Labels are compared without case and
 * without order.
 */
export async function internLabelSet(context: OperationContext, wanted: Wanted): Promise<number> {
  const { db } = context;
  const labels = canonicalText(wanted);
  const [known] = await FIND.execute(context, [labels]);
  if (known) return known.id;
  await db
    .insertInto('label_set')
    .values({ labels })
    .onConflict((conflict) => conflict.column('labels').doNothing())
    .execute();
  const made = await db.selectFrom('label_set').select('id').where('labels', '=', labels).executeTakeFirstOrThrow();
  return made.id;
}

const FIND = new Statement((db, hole) => db.selectFrom('label_set').select('id').where('labels', '=', hole()));

function canonicalText({ labels, group, access, features = [] }: Wanted): string {
  const all = [
    ...labels,
    ...(group === undefined || group === null ? [] : [GROUP_PREFIX + group]),
    ...(access === undefined || access === null ? [] : [access]),
    ...features.map((feature) => FEATURE_PREFIX + feature),
  ];
  return JSON.stringify([...new Set(all.map((label) => label.toLowerCase()))].sort());
}

/** What a runner has to offer, to be held against label sets. */
export function offeredLabels(
  labels: readonly string[],
  features: readonly string[],
  group: string,
): ReadonlySet<string> {
  const own = labels.map((label) => label.toLowerCase()).filter((label) => !isReserved(label));
  return new Set([IMPLIED_LABEL, ...own, ...features.map((feature) => FEATURE_PREFIX + feature), GROUP_PREFIX + group]);
}

/** What stands for something else than a label: no runner has it for saying so. Of small letters. */
export function isReserved(label: string): boolean {
  return [GROUP_PREFIX, FEATURE_PREFIX, ...ACCESS_PREFIXES].some((prefix) => label.startsWith(prefix));
}

/** The group that `runs-on` names. */
export function wantedGroup(wanted: readonly string[]): string | null {
  return wanted.find((label) => label.startsWith(GROUP_PREFIX))?.slice(GROUP_PREFIX.length) ?? null;
}

/** @param labelSet As stored: JSON. */
export function wantedLabels(labelSet: string): readonly string[] {
  return JSON.parse(labelSet) as string[];
}

export function satisfies(offered: ReadonlySet<string>, wanted: readonly string[]): boolean {
  return wanted.every(
    (label) => offered.has(label) || groupsOf(label)?.some((group) => offered.has(GROUP_PREFIX + group)) === true,
  );
}
