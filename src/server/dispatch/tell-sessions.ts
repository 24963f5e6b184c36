import type { PollRequest } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';

export interface ToldSession extends Pick<PollRequest, 'takesWork' | 'note'> {
  readonly session: string;
}

/** Writes down what agents say of themselves, for people who wonder why a job waits. */
export async function tellSessions(
  { db }: OperationContext,
  { sessions }: { readonly sessions: readonly ToldSession[] },
): Promise<null> {
  for (const { session, takesWork, note = null } of sessions)
    await db
      .updateTable('session')
      .set({ takes_work: takesWork ? 1 : 0, note })
      .where('id', '=', session)
      .execute();
  return null;
}
