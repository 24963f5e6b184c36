import type { HeldAttempt } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { formerFence } from '../storage/former-life.ts';
import { moveAttempt } from './move-attempt.ts';

/**
 * After a restore: an attempt that the database knows as not begun, and that an agent was given under a fence which the
 * database has forgotten. It is that agent's, so that it is not run a second time; its records then say how far it is.
 * False where it is none of these, or was given to somebody since.
 */
export async function adoptRestored(
  context: OperationContext,
  held: Pick<HeldAttempt, 'attempt' | 'fence'>,
  row: { readonly id: string; readonly fence: number; readonly state: string; readonly runner_id: string | null },
  { runner, session }: { readonly runner: string; readonly session: string },
): Promise<boolean> {
  if (row.state !== 'queued' && row.state !== 'offered' && row.state !== 'accepted') return false;
  const isSame = row.fence === held.fence && row.runner_id === runner;
  if (held.fence <= row.fence && !isSame) return false;
  const former = await formerFence(context.db);
  if (former === null || held.fence > former) return false;
  let { fence } = row;
  if (row.state !== 'queued' && !isSame) {
    // An offer of this life: whoever it was made to has it now.
    if (fence > former) return false;
    if (!(await moveAttempt(context, row, { to: 'queued', from: row.state, notBefore: 0 }))) return false;
    const { fence: moved } = await context.db
      .selectFrom('attempt')
      .select('fence')
      .where('id', '=', row.id)
      .executeTakeFirstOrThrow();
    fence = moved;
  }
  const taken = { id: row.id, fence: held.fence };
  if (row.state === 'queued' || !isSame)
    await moveAttempt(context, { id: row.id, fence }, { to: 'offered', session, runner, fence: held.fence });
  if (row.state !== 'accepted' || !isSame) await moveAttempt(context, taken, { to: 'accepted' });
  await context.db
    .updateTable('runner')
    .set({ consumed: 1 })
    .where('id', '=', runner)
    .where('ephemeral', '=', 1)
    .execute();
  context.note('attempt adopted after a restore', { attempt: row.id, fence: held.fence, runner });
  return true;
}
