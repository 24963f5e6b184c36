import type { TestStore } from '../../support/server-database.ts';
import { insertJob } from '../storage/rows.ts';

/** An attempt of a run of its own, both called `name`. */
export async function insertAttempt(
  { db, clock }: TestStore,
  name: string,
  state: 'running' | 'completed',
): Promise<string> {
  const now = clock.now();
  const { runId, jobId } = await insertJob({ db, now }, name);
  await db
    .insertInto('attempt')
    .values({
      ...{ id: name, job_id: jobId, run_id: runId, no: 1, fence: 1, state: 'queued', policy: 'at-most-once' },
      ...{ returns: 0, ack_seq: 0, journal_hash: '', quarantined: 0, cancel_force: 0, queued_at: now },
    })
    .execute();
  if (state === 'completed') {
    await db
      .updateTable('attempt')
      .set({ state: 'finished', conclusion: 'success', finished_at: now })
      .where('id', '=', name)
      .execute();
    await db
      .updateTable('run')
      .set({ state: 'completed', conclusion: 'success', completed_at: now })
      .where('id', '=', runId)
      .execute();
  }
  return name;
}
