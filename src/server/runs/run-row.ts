import type { OperationContext } from '../operation.ts';

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
] as const;

export async function readRun({ db }: OperationContext, id: number): Promise<RunRow | null> {
  return (await db.selectFrom('run').select(COLUMNS).where('id', '=', id).executeTakeFirst()) ?? null;
}

/** The row is nobody else's until the end of the transaction. */
export async function lockRun(context: OperationContext, id: number): Promise<RunRow | null> {
  const row = await context.db
    .selectFrom('run')
    .select(COLUMNS)
    .where('id', '=', id)
    // Rows of other tables may refer to it meanwhile.
    .$if(context.locks, (query) => query.forNoKeyUpdate())
    .executeTakeFirst();
  return row ?? null;
}
