import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';
import { audit } from './audit.ts';

export interface Repository {
  /** `OWNER/NAME`. */
  readonly name: string;
  readonly cloneUrl: string;
  /** Null: what the repository says itself. */
  readonly defaultBranch: string | null;
  readonly createdAt: string;
}

/** Registers a repository, or changes it. `cloneUrl` null: below the server's base URL. */
export async function setRepository(
  context: OperationContext,
  input: {
    readonly actor: string;
    readonly name: string;
    readonly cloneUrl: string | null;
    readonly defaultBranch: string | null;
  },
): Promise<Repository> {
  const { name, defaultBranch } = input;
  const cloneUrl = input.cloneUrl ?? `${context.settings.baseUrl}/${name}`;
  const row = await context.db
    .insertInto('repo')
    .values({ name, clone_url: cloneUrl, default_branch: defaultBranch, created_at: context.now })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ clone_url: cloneUrl, default_branch: defaultBranch }),
    )
    .returning(['created_at'])
    .executeTakeFirstOrThrow();
  await audit(context, {
    actor: input.actor,
    action: 'repository.set',
    target: `repository ${name}`,
    detail: { cloneUrl, defaultBranch },
  });
  return { name, cloneUrl, defaultBranch, createdAt: new Date(row.created_at).toISOString() };
}

/** Forgets its address, secrets, variables and schedules. Its runs stay, under its name. */
export async function deleteRepository(
  context: OperationContext,
  { actor, name }: { readonly actor: string; readonly name: string },
): Promise<null> {
  const { db } = context;
  const repo = await db
    .updateTable('repo')
    .set({ clone_url: null, default_branch: null })
    .where('name', '=', name)
    .where('clone_url', 'is not', null)
    .returning('id')
    .executeTakeFirst();
  if (!repo) throw new Refusal('not_found', null, `the repository ${name} is not registered`);
  await db.deleteFrom('secret').where('scope', '=', name).execute();
  await db.deleteFrom('variable').where('scope', '=', name).execute();
  await db.deleteFrom('schedule').where('repo_id', '=', repo.id).execute();
  context.wake('timers');
  await audit(context, { actor, action: 'repository.delete', target: `repository ${name}` });
  return null;
}

/** By name. */
export async function listRepositories({ db }: OperationContext): Promise<{ repositories: Repository[] }> {
  const rows = await db.selectFrom('repo').selectAll().where('clone_url', 'is not', null).orderBy('name').execute();
  return {
    repositories: rows.map((row) => ({
      name: row.name,
      cloneUrl: row.clone_url ?? '',
      defaultBranch: row.default_branch,
      createdAt: new Date(row.created_at).toISOString(),
    })),
  };
}
