import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';
import { audit } from './audit.ts';
import { KEY_SETTING } from './key-operations.ts';

export interface NamedSecret {
  readonly name: string;
  readonly version: number;
  readonly updatedAt: string;
}

/** The version that the next value of a secret is to have. Names are compared in capitals, as GitHub does. */
export async function nextSecretVersion(
  context: OperationContext,
  { scope, name }: { readonly scope: string; readonly name: string },
): Promise<{ version: number }> {
  await demandScope(context, scope);
  return { version: (await currentVersion(context, scope, name)) + 1 };
}

/** `ciphertext` was made for `version`; when somebody else was faster, `conflict`. */
export async function setSecret(
  context: OperationContext,
  input: {
    readonly actor: string;
    readonly scope: string;
    readonly name: string;
    readonly version: number;
    readonly ciphertext: string;
    readonly keyId: string;
  },
): Promise<NamedSecret> {
  const { scope, version, ciphertext } = input;
  const name = input.name.toUpperCase();
  await demandScope(context, scope);
  await demandKey(context, input.keyId);
  const row = { scope, name, ciphertext, version, updated_at: context.now };
  const done = await context.db
    .insertInto('secret')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'name'])
        .doUpdateSet({ ciphertext, version, updated_at: context.now })
        .where('secret.version', '=', version - 1),
    )
    .executeTakeFirst();
  if (done.numInsertedOrUpdatedRows !== 1n)
    throw new Refusal('conflict', null, `the secret ${name} was set by somebody else at the same time; set it again`);
  await audit(context, {
    actor: input.actor,
    action: 'secret.set',
    target: target('secret', scope, name),
    detail: { version },
  });
  return { name, version, updatedAt: new Date(context.now).toISOString() };
}

/** Deletes what is there; the version goes on counting only while the secret exists. */
export async function deleteSecret(
  context: OperationContext,
  input: { readonly actor: string; readonly scope: string; readonly name: string },
): Promise<null> {
  const name = input.name.toUpperCase();
  const gone = await context.db
    .deleteFrom('secret')
    .where('scope', '=', input.scope)
    .where('name', '=', name)
    .executeTakeFirst();
  if (gone.numDeletedRows === 0n)
    throw new Refusal('not_found', null, `there is no secret ${name} in ${where(input.scope)}`);
  await audit(context, { actor: input.actor, action: 'secret.delete', target: target('secret', input.scope, name) });
  return null;
}

/** Names only. */
export async function listSecrets(
  { db }: OperationContext,
  { scope }: { readonly scope: string },
): Promise<{ secrets: NamedSecret[] }> {
  const rows = await db
    .selectFrom('secret')
    .select(['name', 'version', 'updated_at'])
    .where('scope', '=', scope)
    .orderBy('name')
    .execute();
  return {
    secrets: rows.map(({ name, version, updated_at }) => ({
      name,
      version,
      updatedAt: new Date(updated_at).toISOString(),
    })),
  };
}

/** A scope is the server ('') or a repository that is registered. */
export async function demandScope({ db }: OperationContext, scope: string): Promise<void> {
  if (scope === '') return;
  const repo = await db
    .selectFrom('repo')
    .select('id')
    .where('name', '=', scope)
    .where('clone_url', 'is not', null)
    .executeTakeFirst();
  if (!repo) throw new Refusal('not_found', null, `the repository ${scope} is not registered; register it first`);
}

export function target(thing: string, scope: string, name: string): string {
  return `${thing} ${scope === '' ? '' : `${scope}/`}${name}`;
}

export function where(scope: string): string {
  return scope === '' ? 'the server' : scope;
}

async function currentVersion({ db }: OperationContext, scope: string, name: string): Promise<number> {
  const row = await db
    .selectFrom('secret')
    .select('version')
    .where('scope', '=', scope)
    .where('name', '=', name.toUpperCase())
    .executeTakeFirst();
  return row?.version ?? 0;
}

async function demandKey({ db }: OperationContext, keyId: string): Promise<void> {
  const row = await db.selectFrom('setting').select('value').where('name', '=', KEY_SETTING).executeTakeFirst();
  if (row && row.value !== keyId)
    throw new Refusal('unavailable', null, 'the key of the secrets was changed; restart this server');
}
