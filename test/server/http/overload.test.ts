import { afterEach, describe, expect, it } from '@jest/globals';
import { Admission } from '../../../src/server/http/admission.ts';
import type { Priority } from '../../../src/server/http/admission.ts';
import { ApiFailure } from '../../../src/server/http/api-failure.ts';
import { TokenBuckets } from '../../../src/server/http/token-buckets.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

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
          const leave = admission.enter(priority, 0);
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
    const leaves = Array.from({ length: 2_000 }, () => admission.enter('poll', 0));
    expect(() => admission.enter('poll', 0)).toThrow(/too much to do/);
    for (const leave of [leaves[0]!, leaves[0]!, leaves[0]!]) leave();
    admission.enter('poll', 0);
    expect(() => admission.enter('poll', 0)).toThrow();
  });

  it('has no more bodies in memory than fit, and always room for one', () => {
    const admission = new Admission();
    const MB = 1024 * 1024;
    admission.enter('log', 300 * MB)();
    const leave = admission.enter('log', 200 * MB);
    expect(() => admission.enter('log', 100 * MB)).toThrow();
    leave();
    admission.enter('log', 100 * MB);
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
