import type { RunnerView } from '../../protocol/run-api.ts';
import { SESSION_SILENCE_MS } from '../dispatch/limits.ts';
import { retireRunner } from '../dispatch/retire-runner.ts';
import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';
import { audit } from '../secrets/audit.ts';

/** By name; `busy` counts jobs that the runner has accepted. */
export async function listRunners({ db, now }: OperationContext): Promise<{ runners: RunnerView[] }> {
  const runners = await db.selectFrom('runner').selectAll().where('removed_at', 'is', null).orderBy('name').execute();
  const sessions = await db
    .selectFrom('session')
    .selectAll()
    .where('state', '!=', 'ended')
    .orderBy('epoch')
    .execute();
  const attempts = await db
    .selectFrom('attempt')
    .select((select) => ['runner_id', select.fn.countAll<number | string>().as('busy')])
    .where('state', 'in', ['accepted', 'running', 'disconnected'])
    .groupBy('runner_id')
    .execute();
  const busyOf = new Map(attempts.map(({ runner_id, busy }) => [runner_id, Number(busy)]));
  const sessionOf = new Map(sessions.map((session) => [session.runner_id, session]));
  return {
    runners: runners.map((runner) => {
      const session = sessionOf.get(runner.id);
      const busy = busyOf.get(runner.id) ?? 0;
      const online = session !== undefined && session.last_seen > now - SESSION_SILENCE_MS;
      return {
        id: runner.id,
        name: runner.name,
        labels: JSON.parse(session?.labels ?? runner.labels) as string[],
        state: !online
          ? 'offline'
          : session.state === 'draining'
            ? 'draining'
            : runner.paused === 1
              ? 'paused'
              : busy > 0
                ? 'busy'
                : 'idle',
        ephemeral: runner.ephemeral === 1,
        version: session?.version ?? null,
        slots: session?.slots ?? 0,
        busy,
        lastSeenAt: runner.last_seen === null ? null : new Date(runner.last_seen).toISOString(),
      };
    }),
  };
}

/** A paused runner ends what it has and is offered nothing. */
export async function pauseRunner(
  context: OperationContext,
  { actor, runner, paused }: { readonly actor: string; readonly runner: string; readonly paused: boolean },
): Promise<null> {
  const { id, name } = await runnerNamed(context, runner);
  await context.db
    .updateTable('runner')
    .set({ paused: paused ? 1 : 0 })
    .where('id', '=', id)
    .execute();
  await wakeSessions(context, id);
  await audit(context, { actor, action: paused ? 'runner.pause' : 'runner.resume', target: `runner ${name}` });
  return null;
}

/** Its session ends; what it runs may run on until its lease is over. */
export async function removeRunner(
  context: OperationContext,
  { actor, runner }: { readonly actor: string; readonly runner: string },
): Promise<null> {
  const { id, name } = await runnerNamed(context, runner);
  await retireRunner(context, id);
  await audit(context, { actor, action: 'runner.remove', target: `runner ${name}` });
  return null;
}

/** By its id or its name. */
async function runnerNamed({ db }: OperationContext, runner: string): Promise<{ id: string; name: string }> {
  const row = await db
    .selectFrom('runner')
    .select(['id', 'name'])
    .where('removed_at', 'is', null)
    .where((where) => where.or([where('id', '=', runner), where('name', '=', runner)]))
    .executeTakeFirst();
  if (!row) throw new Refusal('not_found', null, `there is no runner ${runner}`);
  return row;
}

async function wakeSessions(context: OperationContext, runner: string): Promise<void> {
  const sessions = await context.db
    .selectFrom('session')
    .select('id')
    .where('runner_id', '=', runner)
    .where('state', '!=', 'ended')
    .execute();
  for (const { id } of sessions) context.wake(`session:${id}`);
}
