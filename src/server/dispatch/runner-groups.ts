import type { GroupView } from '../../protocol/fleet-api.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { accessLabel, groupOf, groupsOf, lockGroups, type RunnerGroup } from './group-access.ts';
import { internLabelSet, wantedGroup, wantedLabels } from './label-set.ts';

/** Is always there; runners are in it of which nothing else is said. */
export const DEFAULT_GROUP = 'default';

/** By name, with how many runners are in each. */
export async function listGroups({ db }: OperationContext): Promise<{ readonly groups: GroupView[] }> {
  const rows = await db
    .selectFrom('runner_group')
    .leftJoin('runner', (join) =>
      join.onRef('runner.group_name', '=', 'runner_group.name').on('runner.removed_at', 'is', null),
    )
    .select(['runner_group.name', 'runner_group.tier', 'runner_group.repositories'])
    .select((select) => select.fn.count<number | string>('runner.id').as('runners'))
    .groupBy(['runner_group.name', 'runner_group.tier', 'runner_group.repositories'])
    .orderBy('runner_group.name')
    .execute();
  const groups = rows.map((row) => ({ ...groupOf(row), runners: Number(row.runners) }));
  return { groups: groups.map((group) => ({ ...group, repositories: [...group.repositories] })) };
}

/** Makes a group, or changes it: jobs that wait go by it from now on, those that run stay where they are. */
export async function setGroup(
  context: OperationContext,
  { actor, ...group }: RunnerGroup & { readonly actor: string },
): Promise<null> {
  const { name, tier } = group;
  const repositories = JSON.stringify(group.repositories);
  await context.db
    .insertInto('runner_group')
    .values({ name, tier, repositories, created_at: context.now })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ tier, repositories }))
    .execute();
  const detail = { tier, repositories: group.repositories };
  await audit(context, { actor, action: 'group.set', target: `group ${name}`, detail });
  await regroup(context);
  return null;
}

/** One without runners. */
export async function removeGroup(
  context: OperationContext,
  { actor, name }: { readonly actor: string; readonly name: string },
): Promise<null> {
  if (name === DEFAULT_GROUP)
    throw new Refusal('conflict', null, `the group ${name} is there for runners of no other; change it instead`);
  await lockGroups(context, 'changing');
  await demandGroup(context, name);
  const runner = await context.db
    .selectFrom('runner')
    .select('name')
    .where('group_name', '=', name)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (runner)
    throw new Refusal(
      'conflict',
      'busy',
      `the runner ${runner.name} is in the group ${name}; remove its runners first`,
    );
  // Nobody is to come into a group that is not there.
  await context.db
    .updateTable('token')
    .set({ revoked_at: context.now })
    .where('group_name', '=', name)
    .where('revoked_at', 'is', null)
    .execute();
  await context.db.deleteFrom('runner_group').where('name', '=', name).execute();
  await audit(context, { actor, action: 'group.remove', target: `group ${name}` });
  await regroup(context);
  return null;
}

/** Refuses a group that nobody has made. */
export async function demandGroup({ db }: OperationContext, name: string): Promise<void> {
  const known = await db.selectFrom('runner_group').select('name').where('name', '=', name).executeTakeFirst();
  if (!known) throw new Refusal('not_found', null, `there is no group of runners ${name}`);
}

/**
 * What jobs that have not ended ask of runners, by the groups and the settings as they are now. At every start: with
 * other settings than before the same groups mean something else.
 */
export async function regroup(context: OperationContext): Promise<null> {
  const { db, settings } = context;
  await lockGroups(context, 'changing');
  const groups = (await db.selectFrom('runner_group').selectAll().orderBy('name').execute()).map(groupOf);
  const rows = await db
    .selectFrom('job')
    .innerJoin('run', 'run.id', 'job.run_id')
    .innerJoin('label_set', 'label_set.id', 'job.label_set_id')
    .leftJoin('repo', 'repo.id', 'run.repo_id')
    .select(['label_set.id', 'label_set.labels', 'run.repo_id', 'run.untrusted', 'repo.name as repository'])
    .distinct()
    .where('job.state', '!=', 'completed')
    .orderBy('label_set.id')
    .execute();
  for (const { id, labels, repo_id, untrusted, repository } of rows) {
    const base = wantedLabels(labels).filter((label) => groupsOf(label) === null);
    const asker = { repository, isUntrusted: untrusted === 1 };
    const access = accessLabel(groups, asker, wantedGroup(base), settings.isolateUntrusted);
    const next = await internLabelSet(context, { labels: base, access });
    if (next === id) continue;
    await db
      .updateTable('job')
      .set({ label_set_id: next })
      .where('label_set_id', '=', id)
      .where('state', '!=', 'completed')
      .where('run_id', 'in', (query) =>
        query
          .selectFrom('run')
          .select('run.id')
          .where('run.untrusted', '=', untrusted)
          .where('run.repo_id', repo_id === null ? 'is' : '=', repo_id),
      )
      .execute();
    await db
      .updateTable('ready')
      .set({ label_set_id: next })
      .where('label_set_id', '=', id)
      .where('job_id', 'in', (query) => query.selectFrom('job').select('job.id').where('job.label_set_id', '=', next))
      .execute();
    context.wake(`queue:${next}`);
  }
  return null;
}
