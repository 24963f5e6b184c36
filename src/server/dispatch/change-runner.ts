import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { withdrawSessionOffers } from './end-session.ts';
import { IS_LIVE } from './is-live.ts';
import { useNonce } from './use-nonce.ts';
import { retireRunner } from './retire-runner.ts';

/**
 * A paused runner keeps what it has accepted and is offered nothing. Refuses to resume one that drains and was not paused,
 * which would change nothing. `runner`: id or name.
 */
export async function pauseRunner(
  context: OperationContext,
  { actor, runner, paused }: { readonly actor: string; readonly runner: string; readonly paused: boolean },
): Promise<null> {
  const { db } = context;
  const { id, name, ...before } = await findRunner(context, runner);
  if (!paused && before.paused === 0 && (await isDraining(context, id)))
    throw new Refusal(
      'conflict',
      null,
      `the runner ${name} is draining: it takes jobs again when its agent is started again`,
    );
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

/** Its agent ends what it has, takes nothing more and ends; started again, it takes jobs again. `runner`: id or name. */
export async function drainRunner(
  context: OperationContext,
  { actor, runner }: { readonly actor: string; readonly runner: string },
): Promise<null> {
  const { id, name } = await findRunner(context, runner);
  const sessions = await sessionsOf(context, id);
  if (sessions.length === 0)
    throw new Refusal('conflict', null, `no agent of the runner ${name} is connected; pause or remove the runner`);
  await context.db
    .updateTable('session')
    .set({ state: 'draining', leave_asked: 1 })
    .where('id', 'in', sessions)
    .execute();
  await audit(context, { actor, action: 'runner.drain', target: `runner ${name}` });
  for (const session of sessions) {
    await withdrawSessionOffers(context, { session });
    context.wake(`session:${session}`);
  }
  return null;
}

/**
 * For good: its agent ends. One that runs jobs is refused, but by force: see {@link retireRunner}. `runner`: id or name.
 */
export async function removeRunner(
  context: OperationContext,
  { actor, runner, force }: { readonly actor: string; readonly runner: string; readonly force: boolean },
): Promise<null> {
  await remove(context, await findRunner(context, runner), actor, force);
  return null;
}

/** {@link removeRunner} by its own wish, which was signed. */
export async function unregisterRunner(
  context: OperationContext,
  { runner, nonce, force }: { readonly runner: string; readonly nonce: string; readonly force: boolean },
): Promise<null> {
  await useNonce(context, nonce);
  const found = await findRunner(context, runner);
  await remove(context, found, `runner ${found.name}`, force);
  return null;
}

async function remove(
  context: OperationContext,
  { id, name }: { readonly id: string; readonly name: string },
  actor: string,
  force: boolean,
): Promise<void> {
  const running = await context.db
    .selectFrom('attempt')
    .select('id')
    .where('runner_id', '=', id)
    .where(IS_LIVE)
    .where('state', 'in', ['accepted', 'running', 'disconnected'])
    .execute();
  if (running.length > 0 && !force) {
    const jobs = running.length === 1 ? 'a job' : `${running.length} jobs`;
    throw new Refusal('conflict', 'busy', `the runner ${name} has ${jobs}; drain it first, or remove it by force`);
  }
  await retireRunner(context, id);
  await audit(context, { actor, action: 'runner.remove', target: `runner ${name}`, detail: { jobs: running.length } });
}

async function findRunner(
  { db }: OperationContext,
  runner: string,
): Promise<{ readonly id: string; readonly name: string; readonly paused: number }> {
  const rows = await db
    .selectFrom('runner')
    .select(['id', 'name', 'paused'])
    .where((where) => where.or([where('id', '=', runner), where('name', '=', runner)]))
    .where('removed_at', 'is', null)
    .execute();
  const row = rows.find(({ id }) => id === runner) ?? rows[0];
  if (!row) throw new Refusal('not_found', null, `there is no runner ${runner}`);
  return row;
}

async function isDraining({ db }: OperationContext, runner: string): Promise<boolean> {
  const draining = await db
    .selectFrom('session')
    .select('id')
    .where('runner_id', '=', runner)
    .where('state', '=', 'draining')
    .executeTakeFirst();
  return draining !== undefined;
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
