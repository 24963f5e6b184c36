import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';

/** Of a run's row, what is needed to go on with it. */
export interface RunRow {
  readonly id: number;
  readonly repo_id: number | null;
  readonly number: number;
  readonly state: 'waiting' | 'running' | 'completed';
  /** 1: nothing of it starts. */
  readonly paused: number;
  readonly version: number;
  readonly input_sha: string;
  readonly submission_sha: string;
  readonly attempt: number;
  readonly priority: number;
  /** Of its first job. */
  readonly started_at: number | null;
}

const COLUMNS = [
  'id',
  'repo_id',
  'number',
  'state',
  'paused',
  'version',
  'input_sha',
  'submission_sha',
  'attempt',
  'priority',
  'started_at',
] as const;

export async function readRun(context: OperationContext, id: number): Promise<RunRow | null> {
  return (await READ.execute(context, [id]))[0] ?? null;
}

/** The row is nobody else's until the end of the transaction. */
export async function lockRun(context: OperationContext, id: number): Promise<RunRow | null> {
  return (await LOCK.execute(context, [id]))[0] ?? null;
}

const READ = new Statement((db, hole) => db.selectFrom('run').select(COLUMNS).where('id', '=', hole()));
const LOCK = new Statement((db, hole, _, locks) =>
  db
    .selectFrom('run')
    .select(COLUMNS)
    .where('id', '=', hole())
    // Rows of other tables may refer to it meanwhile.
    .$if(locks, (query) => query.forNoKeyUpdate()),
);
