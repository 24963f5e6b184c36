import { expect, it } from '@jest/globals';
import { moveAttempts } from '../../../src/server/dispatch/move-attempt.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { type Offered, QueueWorld, type TestSession } from './queue-world.ts';

const ROUNDS = 10_000;
const SEED = 4_076;
/** Nobody waits so long but on a machine that has other things to do. */
const LIMIT_MS = 600_000;

it(
  `a drained session never has an offer: ${ROUNDS} interleavings of offer, accept and drain (runner#4076)`,
  async () => {
    const world = await QueueWorld.open('sqlite');
    const random = new SeededRandom(SEED);
    const session = await world.session({ slots: 3 });
    await world.job();
    const asked = await world.classes([{ ...session, free: 3 }]);
    let offered: readonly Offered[] = [];
    const outcomes = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      let outstanding: readonly string[] = [];
      const acts = [
        async () => {
          const { offers } = await world.do('offer-work', asked);
          if (offers.length > 0) offered = offers.map(({ offer }) => ({ session: session.id, ...offer }));
        },
        async () => {
          for (const offer of offered) await world.accept(offer);
        },
        async () => {
          outstanding = (await world.do('drain-session', { session: session.id })).outstanding;
        },
      ];
      const running: Promise<void>[] = [];
      for (const act of inOrderOfChance([...acts, ...acts.slice(0, 2)], random)) {
        running.push(act());
        // Some share a commit, some have one of their own.
        if (random.chance(0.5)) await Promise.all(running);
      }
      await Promise.all(running);
      const held = await heldBy(world, session);
      const unknown = held.filter(({ id }) => !outstanding.includes(id));
      if (unknown.length > 0 || held.some(({ state }) => state === 'offered'))
        throw new Error(`seed ${SEED}, round ${round}: drained, and has ${JSON.stringify(held)}`);
      outcomes.add(held[0]?.state ?? 'nothing');
      await begin(world, session);
    }
    // Both came about: drained before it was accepted, and after.
    expect([...outcomes].sort()).toEqual(['accepted', 'nothing']);
    await world.close();
  },
  LIMIT_MS,
);

async function heldBy({ store }: QueueWorld, { id }: TestSession) {
  return await store.db.selectFrom('attempt').select(['id', 'state']).where('session_id', '=', id).execute();
}

/** Everything as it was: the session takes work, and the job is in the queue. */
async function begin(world: QueueWorld, { id }: TestSession): Promise<void> {
  await world.perform(async (context) => {
    const { db } = context;
    await db.updateTable('session').set({ state: 'live' }).where('id', '=', id).execute();
    const held = await db.selectFrom('attempt').select(['id', 'fence']).where('session_id', '=', id).execute();
    await moveAttempts(context, held, { to: 'queued', from: 'accepted', notBefore: 0 });
  });
}

function inOrderOfChance<T>(items: readonly T[], random: SeededRandom): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
