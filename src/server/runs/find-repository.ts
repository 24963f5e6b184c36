import type { OperationContext } from '../operation.ts';
import type { ComposedMessage } from './compose-message.ts';

/** Also the token of `github.token` and of the clone URL, as on GitHub. */
const TOKEN = 'GITHUB_TOKEN';

export interface FoundRepository {
  /** Null: it is not registered. */
  readonly cloneUrl: string | null;
  readonly defaultBranch: string | null;
  /** The repository's own, else the server's. */
  readonly token: ComposedMessage['secrets'][number] | null;
}

/** What is needed to read a repository. */
export async function findRepository(
  { db }: OperationContext,
  { name }: { readonly name: string },
): Promise<FoundRepository> {
  const repo = await db
    .selectFrom('repo')
    .select(['clone_url', 'default_branch'])
    .where('name', '=', name)
    .executeTakeFirst();
  const token = await db
    .selectFrom('secret')
    .select(['scope', 'name', 'version', 'ciphertext'])
    .where('scope', 'in', ['', name])
    .where('name', '=', TOKEN)
    .orderBy('scope', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { cloneUrl: repo?.clone_url ?? null, defaultBranch: repo?.default_branch ?? null, token: token ?? null };
}
