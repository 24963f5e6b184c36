import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Admission } from '../../../src/server/http/admission.ts';
import type { Priority } from '../../../src/server/http/admission.ts';
import { ApiFailure } from '../../../src/server/http/api-failure.ts';
import { TokenBuckets } from '../../../src/server/http/token-buckets.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

const NOBODY = {
  ok: false,
  error: { code: 'unauthorized', reason: 'token-unknown', message: 'nobody', detail: null },
} as const;

let api: TestApi | null = null;
afterEach(async () => {
  await api?.stop();
  api = null;
});

describe('a server with too much to do', () => {
  const fill = (admission: Admission): Priority[] => {
    const refused: Priority[] = [];
    const priorities: Priority[] = ['poll', 'sync', 'people', 'log'];
    for (let n = 0; n < 20_000 && refused.length < priorities.length; n += 1)
      for (const priority of priorities)
        try {
          const leave = admission.enter(priority);
          if (priority !== 'log') leave();
        } catch (error) {
          expect(error).toBeInstanceOf(ApiFailure);
          if (!refused.includes(priority)) refused.push(priority);
        }
    return refused;
  };

  it('goes without polls first, then syncs, then people, and takes logs last of all', () => {
    expect(fill(new Admission())).toEqual(['poll', 'sync', 'people', 'log']);
  });

  it('takes again what it can when requests have ended, however often one says so', () => {
    const admission = new Admission();
    const leaves = Array.from({ length: 2_000 }, () => admission.enter('poll'));
    expect(() => admission.enter('poll')).toThrow(/too much to do/);
    for (const leave of [leaves[0]!, leaves[0]!, leaves[0]!]) leave();
    admission.enter('poll');
    expect(() => admission.enter('poll')).toThrow();
  });

  it('has no more bodies in memory than fit, and always room for one', () => {
    const admission = new Admission();
    const MB = 1024 * 1024;
    const [first, second] = [admission.body(), admission.body()];
    expect(first.take(300 * MB)).toBe(true);
    first.free();
    expect([first.take(200 * MB), second.take(50 * MB), second.take(10 * MB)]).toEqual([true, true, false]);
    for (const room of [first, first]) room.free();
    expect([second.take(200 * MB), first.take(10 * MB)]).toEqual([true, false]);
  });

  it('does not count who announces a body and does not send it', async () => {
    const own = (api = await openTestApi({ agents: { openSession: () => Promise.resolve(NOBODY) } }));
    const head = (bytes: number): string =>
      `POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n{`;
    const slow = await Promise.all(
      Array.from({ length: 2_100 }, async (_, index) => {
        const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
        await once(socket, 'connect');
        socket.write(head(index < 10 ? 64 * 1024 * 1024 : 100));
        return socket;
      }),
    );
    try {
      const session = await own.token([], 'session');
      const poll = { freeSlots: 1, takesWork: true, holding: [] };
      const answer = await own.fetch('/v1/sessions/s1/poll', { token: session, json: poll });
      // Behind the routes there is nobody who could be asked.
      expect(answer.status).toBe(500);
      expect((await own.fetch('/v1/tokens', { json: { name: 'x' } })).status).toBe(201);
    } finally {
      for (const socket of slow) socket.destroy();
    }
  });
});

describe('a limit', () => {
  it('lets a burst through, then as many as come in a second', async () => {
    const clock = new FakeClock();
    const buckets = new TokenBuckets({ perSecond: 10, burst: 3 }, () => clock.monotonic());
    expect([1, 2, 3, 4].map(() => buckets.take('a', 1))).toEqual([0, 0, 0, 100]);
    expect(buckets.take('b', 1)).toBe(0);
    await clock.advance(100);
    expect([buckets.take('a', 1), buckets.take('a', 1)]).toEqual([0, 100]);
    await clock.advance(60_000);
    expect(buckets.take('a', 100)).toBe(0);
    expect(buckets.take('a', 1)).toBe(100);
  });
});

describe('a server without its database', () => {
  it('is up, is not ready, and answers 503 with when to ask again', async () => {
    api = await openTestApi();
    await api.store.close();
    expect((await api.fetch('/healthz')).status).toBe(200);
    for (const path of ['/readyz', '/v1/tokens']) {
      const answer = await api.fetch(path);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ error: { code: 'unavailable', reason: 'database' } });
    }
  });
});
