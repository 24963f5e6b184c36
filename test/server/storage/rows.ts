import type { OperationContext } from '../../../src/server/operation.ts';

/** A run with one job, as little of both as the schema takes. */
export async function insertJob(
  { db, now }: Pick<OperationContext, 'db' | 'now'>,
  key: string,
): Promise<{ readonly runId: number; readonly jobId: number }> {
  const { id: runId } = await db
    .insertInto('run')
    .values({
      name: key,
      path: 'ci.yml',
      event: 'push',
      actor: 'test',
      state: 'running',
      version: 1,
      input_sha: '',
      submission_sha: '',
      attempt: 1,
      priority: 0,
      created_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const { id: jobId } = await db
    .insertInto('job')
    .values({
      run_id: runId,
      run_attempt: 1,
      key,
      job_id: key,
      instance: 0,
      name: key,
      needs: '[]',
      state: 'queued',
      outputs: '{}',
      labels: '[]',
      priority: 0,
      policy: 'at-most-once',
      attempt_no: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { runId, jobId };
}
