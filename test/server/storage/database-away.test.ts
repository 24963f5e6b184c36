/** The database goes away and comes back. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { OperationContext, WakeTopic } from '../../../src/server/operation.ts';
import { classifyFailure } from '../../../src/server/storage/database-failure.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { describePostgres } from '../../support/postgres.ts';
import { allowConnections, breakConnections } from '../../support/postgres-server.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';

const open: TestStore[] = [];
afterEach(async () => {
  for (const store of open.splice(0).reverse()) await store.close();
});

const keep = async ({ db }: OperationContext, name: string): Promise<string> => {
  await db.insertInto('setting').values({ name, value: 'kept' }).execute();
  return name;
};

describePostgres('a PostgreSQL that goes away', () => {
  const start = async (options: { clock?: FakeClock; url?: string; node?: string } = {}): Promise<TestStore> => {
    const store = await openTestStore({ database: 'postgres', ...options });
    open.push(store);
    return store;
  };

  it('makes operations unavailable with a time to come again, and is used again by itself', async () => {
    const store = await start();
    expect(await store.perform(keep, 'a')).toEqual({ ok: true, value: 'a' });
    await allowConnections(store.url, false);
    expect(await store.perform(keep, 'b')).toMatchObject({
      ok: false,
      error: { code: 'unavailable', reason: 'database', detail: { retryAfterMs: expect.any(Number) } },
    });
    await allowConnections(store.url, true);
    expect(await store.perform(keep, 'c')).toEqual({ ok: true, value: 'c' });
    expect(store.troubles.filter((trouble) => trouble.startsWith('the database'))).toEqual([
      expect.stringContaining('the database cannot be used: '),
      'the database can be used again',
    ]);
  });

  it('in the middle of an operation makes it unavailable', async () => {
    const store = await start();
    const breaking = async (context: OperationContext): Promise<void> => {
      await keep(context, 'a');
      await breakConnections(store.url);
      await keep(context, 'b');
    };
    expect(await store.perform(breaking, null)).toMatchObject({ error: { code: 'unavailable', reason: 'database' } });
    expect(await store.perform(keep, 'a')).toEqual({ ok: true, value: 'a' });
  });

  it('has everything looked at each second while other servers cannot be heard, and hears them again', async () => {
    const clock = new FakeClock();
    const store = await start({ clock, node: 'one' });
    await store.db.insertInto('label_set').values({ labels: 'linux' }).execute();
    const { id } = await store.db.selectFrom('label_set').select('id').executeTakeFirstOrThrow();
    await breakConnections(store.url);
    // Two seconds at the most: one in which the connection is found to be gone, one for the look.
    const heard = next(store);
    const ticking = advanceUntil(clock, heard);
    expect(await heard).toEqual(['timers', `queue:${id}`]);
    await ticking;
    const otherClock = new FakeClock();
    const other = await start({ clock: otherClock, url: store.url, node: 'two' });
    const again = next(store);
    await other.perform((context: OperationContext) => {
      context.wake('queue:42');
      return Promise.resolve();
    }, null);
    await otherClock.advance(20);
    expect(await again).toEqual(['queue:42']);
  });
});

function next(store: TestStore): Promise<readonly WakeTopic[]> {
  return new Promise((resolve) => {
    const end = store.subscribe((topics) => {
      end();
      resolve(topics);
    });
  });
}

/** Lets time pass for as long as something real is waited for. */
async function advanceUntil(clock: FakeClock, event: Promise<unknown>): Promise<void> {
  let over = false;
  void event.then(() => (over = true));
  while (!over) await clock.advance(100);
}

describe('the error of a database', () => {
  it.each([
    [{ code: '40001' }, 'conflict'],
    [{ code: '40P01' }, 'conflict'],
    [{ code: '55P03' }, 'conflict'],
    [{ code: 'SQLITE_BUSY' }, 'conflict'],
    [{ code: 'SQLITE_BUSY_SNAPSHOT' }, 'conflict'],
    [{ code: 'SQLITE_FULL' }, 'unreachable'],
    [{ code: 'SQLITE_IOERR_WRITE' }, 'unreachable'],
    [{ code: '08006' }, 'unreachable'],
    [{ code: '53300' }, 'unreachable'],
    [{ code: '57P01' }, 'unreachable'],
    [{ code: '25006' }, 'unreachable'],
    [{ code: '3D000' }, 'unreachable'],
    [{ code: 'ECONNREFUSED' }, 'unreachable'],
    [{ code: 'EAI_AGAIN' }, 'unreachable'],
    [{ message: 'Connection terminated unexpectedly' }, 'unreachable'],
    [{ message: 'timeout exceeded when trying to connect' }, 'unreachable'],
    [{ message: 'Query read timeout' }, 'unreachable'],
    [{ code: '23505' }, 'operation'],
    [{ code: '57014' }, 'operation'],
    [{ code: 'SQLITE_CONSTRAINT_UNIQUE' }, 'operation'],
    [{ code: 'ERR_INVALID_ARG_TYPE' }, 'operation'],
    [{ message: 'x is not a function' }, 'operation'],
  ] as const)('%p is one of kind %s', (fields, kind) => {
    expect(classifyFailure(Object.assign(new Error(), fields)).kind).toBe(kind);
  });
});
