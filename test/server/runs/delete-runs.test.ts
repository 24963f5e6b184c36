import { expect, it } from '@jest/globals';
import { FakeClock } from '../../support/fake-clock.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { openTestStore } from '../../support/server-database.ts';
import { must, RunHand } from './run-harness.ts';

const TEXT = 'on: push\njobs: { a: { runs-on: x, steps: [ { run: echo } ] } }';

describeDatabases('deleting runs', (database) => {
  it('takes the oldest that have ended, with all that is theirs alone', async () => {
    const clock = new FakeClock();
    const store = await openTestStore({ database, clock });
    const hands: RunHand[] = [];
    for (let n = 0; n < 3; n++) {
      const hand = await RunHand.submit(store, TEXT, { payload: { n } });
      await clock.advance(1_000);
      if (n < 2) await hand.end('a');
      hands.push(hand);
    }
    const remove = (limit: number) =>
      store.execute('delete-runs', { completedBefore: clock.now() + 1, limit }).then(must);
    expect(await remove(1)).toEqual({ deleted: [hands[0]!.id] });
    expect(await remove(10)).toEqual({ deleted: [hands[1]!.id] });
    expect(await remove(10)).toEqual({ deleted: [] });
    const count = async (table: 'run' | 'job' | 'attempt' | 'event' | 'run_event' | 'run_snapshot' | 'spec') =>
      (await store.db.selectFrom(table).selectAll().execute()).length;
    // Of the run that goes on: its workflows and its submission.
    expect([await count('run'), await count('job'), await count('attempt'), await count('spec')]).toEqual([1, 1, 1, 2]);
    expect([await count('run_snapshot'), await count('run_event')]).toEqual([1, 0]);
    await hands[2]!.end('a');
    expect(await hands[2]!.conclusion()).toBe('success');
    await store.close();
  });
});
