import { type OperationContext, Refusal } from '../operation.ts';

/** The runner of a session that is not over; refuses otherwise. What the service remembers may be a moment old. */
export async function requireSession({ db }: OperationContext, session: string): Promise<string> {
  const row = await db
    .selectFrom('session')
    .select(['runner_id', 'state'])
    .where('id', '=', session)
    .executeTakeFirst();
  if (!row || row.state === 'ended') throw new Refusal('conflict', 'superseded', 'the session is over; open another');
  return row.runner_id;
}
