import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';
import { audit } from './audit.ts';
import { demandScope, target, where } from './secret-operations.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly updatedAt: string;
}

export async function setVariable(
  context: OperationContext,
  input: { readonly actor: string; readonly scope: string; readonly name: string; readonly value: string },
): Promise<Variable> {
  const { scope, value } = input;
  const name = input.name.toUpperCase();
  await demandScope(context, scope);
  await context.db
    .insertInto('variable')
    .values({ scope, name, value, updated_at: context.now })
    .onConflict((conflict) => conflict.columns(['scope', 'name']).doUpdateSet({ value, updated_at: context.now }))
    .execute();
  await audit(context, { actor: input.actor, action: 'variable.set', target: target('variable', scope, name) });
  return { name, value, updatedAt: new Date(context.now).toISOString() };
}

export async function deleteVariable(
  context: OperationContext,
  input: { readonly actor: string; readonly scope: string; readonly name: string },
): Promise<null> {
  const { scope } = input;
  const name = input.name.toUpperCase();
  const gone = await context.db
    .deleteFrom('variable')
    .where('scope', '=', scope)
    .where('name', '=', name)
    .executeTakeFirst();
  if (gone.numDeletedRows === 0n)
    throw new Refusal('not_found', null, `there is no variable ${name} in ${where(scope)}`);
  await audit(context, { actor: input.actor, action: 'variable.delete', target: target('variable', scope, name) });
  return null;
}

export async function listVariables(
  { db }: OperationContext,
  { scope }: { readonly scope: string },
): Promise<{ variables: Variable[] }> {
  const rows = await db.selectFrom('variable').selectAll().where('scope', '=', scope).orderBy('name').execute();
  return {
    variables: rows.map(({ name, value, updated_at }) => ({
      name,
      value,
      updatedAt: new Date(updated_at).toISOString(),
    })),
  };
}
