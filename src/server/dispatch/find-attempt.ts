import { type OperationContext, Refusal } from '../operation.ts';
import { Statement } from '../storage/statement.ts';
import { FENCED_TOTAL } from './counted.ts';
import { LOGS_AFTER_FINISH_MS } from './limits.ts';

/** Whether a session may append to an attempt's logs. Refuses with `fenced` where it is not its own, or too late. */
export async function findLogWriter(
  context: OperationContext,
  { session, attempt: id, fence }: { readonly session: string; readonly attempt: string; readonly fence: number },
): Promise<null> {
  const [row] = await READ.execute(context, [id]);
  const late = row?.finished_at != null && row.finished_at + LOGS_AFTER_FINISH_MS <= context.now;
  const begun = row?.state === 'running' || row?.state === 'disconnected' || row?.state === 'finished';
  if (!row || row.session_id !== session || row.fence !== fence || row.quarantined === 1 || late || !begun) {
    context.count(FENCED_TOTAL);
    throw new Refusal('conflict', 'fenced', `logs of the attempt ${id} are not taken from this session`);
  }
  return null;
}

const READ = new Statement((db, hole) =>
  db
    .selectFrom('attempt')
    .select(['session_id', 'fence', 'state', 'finished_at', 'quarantined'])
    .where('id', '=', hole()),
);
