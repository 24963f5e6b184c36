import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';
import { audit } from './audit.ts';

/** Id of the key that all secrets are wrapped with. */
export const KEY_SETTING = 'key-id';

export interface StoredSecret {
  readonly scope: string;
  readonly name: string;
  readonly version: number;
  readonly ciphertext: string;
}

/** A server that starts says which key it has: the first one's is taken, another one is refused. */
export async function adoptKey({ db }: OperationContext, { keyId }: { readonly keyId: string }): Promise<null> {
  await db
    .insertInto('setting')
    .values({ name: KEY_SETTING, value: keyId })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const row = await db.selectFrom('setting').select('value').where('name', '=', KEY_SETTING).executeTakeFirstOrThrow();
  if (row.value !== keyId)
    throw new Refusal(
      'conflict',
      null,
      'the secrets in the database were encrypted with another key; start the server with that key',
      { expected: row.value, found: keyId },
    );
  return null;
}

export async function readSecrets({ db }: OperationContext): Promise<{ secrets: StoredSecret[] }> {
  const secrets = await db.selectFrom('secret').select(['scope', 'name', 'version', 'ciphertext']).execute();
  return { secrets };
}

/** All secrets at once, wrapped with the next key. `conflict` when one was set or deleted since they were read. */
export async function replaceKey(
  context: OperationContext,
  input: {
    readonly actor: string;
    readonly from: string;
    readonly to: string;
    readonly secrets: readonly StoredSecret[];
  },
): Promise<null> {
  const { db } = context;
  const changed = await db
    .updateTable('setting')
    .set({ value: input.to })
    .where('name', '=', KEY_SETTING)
    .where('value', '=', input.from)
    .executeTakeFirst();
  const count = await db
    .selectFrom('secret')
    .select((select) => select.fn.countAll<number | string>().as('n'))
    .executeTakeFirstOrThrow();
  if (changed.numUpdatedRows !== 1n || Number(count.n) !== input.secrets.length) throw changedMeanwhile();
  for (const { scope, name, version, ciphertext } of input.secrets) {
    const done = await db
      .updateTable('secret')
      .set({ ciphertext })
      .where('scope', '=', scope)
      .where('name', '=', name)
      .where('version', '=', version)
      .executeTakeFirst();
    if (done.numUpdatedRows !== 1n) throw changedMeanwhile();
  }
  await audit(context, {
    actor: input.actor,
    action: 'key.rotate',
    target: 'server',
    detail: { from: input.from, to: input.to, secrets: input.secrets.length },
  });
  return null;
}

function changedMeanwhile(): Refusal {
  return new Refusal('conflict', null, 'secrets were changed while their key was; rotate the key again');
}
