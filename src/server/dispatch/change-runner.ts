import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { withdrawSessionOffers } from './end-session.ts';
import { retireRunner } from './retire-runner.ts';

/** A paused runner keeps what it has accepted and is offered nothing. `runner`: id or name. */
export async function pauseRunner(
  context: OperationContext,
  { actor, runner, paused }: { readonly actor: string; readonly runner: string; readonly paused: boolean },
): Promise<null> {
  const { db } = context;
  const { id, name } = await findRunner(context, runner);
  await db
    .updateTable('runner')
    .set({ paused: paused ? 1 : 0 })
    .where('id', '=', id)
    .execute();
  await audit(context, { actor, action: paused ? 'runner.pause' : 'runner.resume', target: `runner ${name}` });
  for (const session of await sessionsOf(context, id)) {
    if (paused) await withdrawSessionOffers(context, { session });
    context.wake(`session:${session}`);
  }
  return null;
}

/** For good: its agent ends. What it runs is lost when its lease is over. `runner`: id or name. */
export async function removeRunner(
  context: OperationContext,
  { actor, runner }: { readonly actor: string; readonly runner: string },
): Promise<null> {
  const { id, name } = await findRunner(context, runner);
  await retireRunner(context, id);
  await audit(context, { actor, action: 'runner.remove', target: `runner ${name}` });
  return null;
}

async function findRunner(
  { db }: OperationContext,
  runner: string,
): Promise<{ readonly id: string; readonly name: string }> {
  const rows = await db
    .selectFrom('runner')
    .select(['id', 'name'])
    .where((where) => where.or([where('id', '=', runner), where('name', '=', runner)]))
    .where('removed_at', 'is', null)
    .execute();
  const row = rows.find(({ id }) => id === runner) ?? rows[0];
  if (!row) throw new Refusal('not_found', null, `there is no runner ${runner}`);
  return row;
}

async function sessionsOf({ db }: OperationContext, runner: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('session')
    .select('id')
    .where('runner_id', '=', runner)
    .where('state', '!=', 'ended')
    .execute();
  return rows.map(({ id }) => id);
}
