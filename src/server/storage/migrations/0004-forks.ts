import type { JsonMap } from '../../../protocol/job-message.ts';
import { isFromFork } from '../../runs/is-from-fork.ts';
import type { Migration } from '../migrations.ts';

/** Runs that began before the server told those of forks from others, and have not ended: their jobs may yet start. */
export const forks: Migration = {
  name: 'runs of forks from before',
  async up(db) {
    const runs = await db
      .selectFrom('run')
      .select(['id', 'submission_sha'])
      .where('state', '!=', 'completed')
      .where('untrusted', '=', 0)
      .execute();
    for (const { id, submission_sha } of runs) {
      const spec = await db.selectFrom('spec').select('body').where('sha256', '=', submission_sha).executeTakeFirst();
      if (!spec) continue;
      const { github } = JSON.parse(spec.body) as { readonly github: JsonMap };
      if (isFromFork(github)) await db.updateTable('run').set({ untrusted: 1 }).where('id', '=', id).execute();
    }
  },
};
