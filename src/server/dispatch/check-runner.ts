import type { RunnerCheckReply } from '../../protocol/runner-check.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { SESSION_SILENCE_MS } from './limits.ts';
import { useNonce } from './use-nonce.ts';

/** How a runner stands that has proven who it is. Its session, if it has one, goes on. */
export async function checkRunner(
  context: OperationContext,
  { runner, nonce }: { readonly runner: string; readonly nonce: string },
): Promise<RunnerCheckReply> {
  const { db, now } = context;
  await useNonce(context, nonce);
  const row = await db
    .selectFrom('runner')
    .leftJoin('session', (join) => join.onRef('session.runner_id', '=', 'runner.id').on('session.state', '!=', 'ended'))
    .select(['runner.name', 'runner.paused', 'session.last_seen as heard'])
    .where('runner.id', '=', runner)
    .where('runner.removed_at', 'is', null)
    .executeTakeFirst();
  if (!row) throw new Refusal('unauthorized', 'token-unknown', 'the server does not know this runner; register it');
  return {
    name: row.name,
    paused: row.paused === 1,
    live: row.heard !== null && row.heard > now - SESSION_SILENCE_MS,
  };
}
