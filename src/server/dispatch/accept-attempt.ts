import type { LossPolicy } from '../../protocol/attempt-state.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { composeMessage, type ComposedMessage } from '../runs/compose-message.ts';
import { Statement } from '../storage/statement.ts';
import { FENCED_TOTAL } from './counted.ts';
import { moveAttempt } from './move-attempt.ts';

export interface AcceptedWork {
  readonly policy: LossPolicy;
  /** X25519, SPKI in base64: what its secrets are sealed to. */
  readonly sealKey: string;
  readonly composed: ComposedMessage;
}

/** Takes an offer. The same session and fence get the same answer again, for as long as the attempt is theirs. */
export async function acceptAttempt(
  context: OperationContext,
  request: { readonly session: string; readonly attempt: string; readonly fence: number },
): Promise<AcceptedWork> {
  const { db } = context;
  const attempt = await findOwn(context, request);
  if (attempt.state === 'finished')
    throw new Refusal('conflict', 'already-final', `the attempt ${attempt.id} has ended`);
  const [runner] = await READ_RUNNER.execute(context, [attempt.runner_id]);
  if (!runner) throw new RangeError(`the runner of the attempt ${attempt.id} is gone`);
  if (attempt.state === 'offered') {
    await moveAttempt(context, attempt, { to: 'accepted' });
    if (runner.ephemeral === 1)
      await db.updateTable('runner').set({ consumed: 1 }).where('id', '=', runner.id).execute();
  }
  const composed = await composeMessage(context, attempt.job_id, attempt.no);
  return { policy: attempt.policy, sealKey: runner.seal_key, composed };
}

const READ_RUNNER = new Statement((db, hole) =>
  db.selectFrom('runner').select(['id', 'seal_key', 'ephemeral']).where('id', '=', hole()),
);

/**
 * The attempt, if it is this session's under this fence. Otherwise refuses: `withdrawn` where it waits for another
 * runner or has ended without one, `fenced` where it is somebody else's.
 */
export async function findOwn(
  context: OperationContext,
  { session, attempt: id, fence }: { readonly session: string; readonly attempt: string; readonly fence: number },
) {
  const [attempt] = await READ_ATTEMPT.execute(context, [id]);
  if (attempt?.session_id === session && attempt.fence === fence) return attempt;
  context.count(FENCED_TOTAL);
  if (!attempt || attempt.state === 'queued' || attempt.state === 'finished')
    throw new Refusal('conflict', 'withdrawn', `the offer of the attempt ${id} was withdrawn`);
  throw new Refusal('conflict', 'fenced', `the attempt ${id} belongs to another session`);
}

const READ_ATTEMPT = new Statement((db, hole, _, locks) =>
  db
    .selectFrom('attempt')
    .select(['id', 'fence', 'state', 'session_id', 'runner_id', 'policy', 'job_id', 'run_id', 'no', 'returns'])
    .where('id', '=', hole())
    .$if(locks, (query) => query.forUpdate()),
);
