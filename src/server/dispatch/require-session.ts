import { type OperationContext, Refusal } from '../operation.ts';
import { Statement } from '../storage/statement.ts';

/** The runner of a session that is not over; refuses otherwise. What the service remembers may be a moment old. */
export async function requireSession(context: OperationContext, session: string): Promise<string> {
  const [row] = await FIND.execute(context, [session]);
  if (!row || row.state === 'ended') throw new Refusal('conflict', 'superseded', 'the session is over; open another');
  return row.runner_id;
}

const FIND = new Statement((db, hole) =>
  db.selectFrom('session').select(['runner_id', 'state']).where('id', '=', hole()),
);
