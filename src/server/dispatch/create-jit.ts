import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { demandGroup } from './runner-groups.ts';

export interface JitInput {
  readonly actor: string;
  /** SHA-256 of the secret in the configuration, hex. */
  readonly hash: string;
  /** Null: one is made. */
  readonly name: string | null;
  readonly labels: readonly string[];
  readonly group: string;
  readonly expiresMs: number;
}

/** What a registration token stands for that is good for one runner, of one job. */
export interface JitTerms {
  readonly name: string;
  readonly labels: readonly string[];
}

/** Keeps a registration that is good once. Refuses a name that a runner has. */
export async function createJit(
  context: OperationContext,
  input: JitInput,
): Promise<{ readonly name: string; readonly expiresAt: string; readonly server: string }> {
  const { db, now, settings } = context;
  const { actor, hash, labels, group, expiresMs } = input;
  await demandGroup(context, group);
  const name = input.name ?? `jit-${context.randomId()}`;
  const taken = await db
    .selectFrom('runner')
    .select('id')
    .where('name', '=', name)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (taken) throw new Refusal('conflict', 'name-taken', `a runner named ${name} is registered; choose another name`);
  const terms: JitTerms = { name, labels };
  await db
    .insertInto('token')
    .values({
      ...{ kind: 'registration', name: `runner ${name}`, hash, scopes: '[]', uses_left: 1, created_by: actor },
      ...{ created_at: now, expires_at: now + expiresMs, group_name: group, jit: JSON.stringify(terms) },
    })
    .execute();
  await audit(context, { actor, action: 'runner.jit', target: `runner ${name}`, detail: { labels, group } });
  return { name, expiresAt: new Date(now + expiresMs).toISOString(), server: settings.publicUrl };
}
