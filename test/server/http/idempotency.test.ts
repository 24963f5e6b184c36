import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

let api: TestApi;
afterEach(() => api.stop());

const summary = {
  id: 1,
  name: 'x',
  path: 'x.yml',
  repository: null,
  event: 'push',
  ref: null,
  sha: null,
  actor: 'bot',
  state: 'waiting' as const,
  waiting: null,
  paused: false,
  conclusion: null,
  cancelling: false,
  attempt: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  completedAt: null,
};

describe('a POST with an Idempotency-Key', () => {
  let submitted = 0;
  let gate = Promise.resolve();
  let fails = false;
  const open = async (clock?: FakeClock): Promise<void> => {
    submitted = 0;
    fails = false;
    gate = Promise.resolve();
    api = await openTestApi({
      ...(clock ? { clock } : {}),
      runs: {
        submit: async () => {
          submitted += 1;
          const id = submitted;
          await gate;
          if (fails) throw new Error('a bug');
          return { ok: true, value: { runs: [{ ...summary, id }], diagnostics: [] } };
        },
      },
    });
  };
  const submit = (key: string, text = 'on: push', token?: string): Promise<Response> =>
    api.fetch('/v1/runs', {
      json: { workflow: { path: 'x.yml', text } },
      headers: { 'idempotency-key': key },
      ...(token === undefined ? {} : { token }),
    });

  it('is carried out once, and answered the same', async () => {
    await open();
    const [one, two] = [await submit('k'), await submit('k')];
    expect(submitted).toBe(1);
    expect(await two.text()).toBe(await one.text());
    expect(two.headers.get('idempotent-replay')).toBe('true');
    expect((await submit('other')).status).toBe(201);
    expect(submitted).toBe(2);
  });

  it('belongs to who asks', async () => {
    await open();
    await submit('k');
    await submit('k', 'on: push', await api.token(['runs:write']));
    expect(submitted).toBe(2);
  });

  it('is refused for another request', async () => {
    await open();
    await submit('k');
    const other = await submit('k', 'on: pull_request');
    expect(other.status).toBe(409);
    expect(await other.text()).toContain('used for another request');
    expect((await submit('a key with spaces')).status).toBe(400);
  });

  it('is told to wait while the first one is at work, and answered afterwards', async () => {
    await open();
    let release = (): void => undefined;
    gate = new Promise((resolve) => (release = resolve));
    const first = submit('k');
    await untilClaimed();
    const second = await submit('k');
    expect(second.status).toBe(409);
    expect(second.headers.get('retry-after')).toBe('1');
    release();
    expect((await first).status).toBe(201);
    expect((await submit('k')).status).toBe(201);
    expect(submitted).toBe(1);
  });

  it('may be tried again when the server failed', async () => {
    await open();
    fails = true;
    expect((await submit('k')).status).toBe(500);
    fails = false;
    expect((await submit('k')).status).toBe(201);
    expect(submitted).toBe(2);
  });

  it('is forgotten after a day', async () => {
    const clock = new FakeClock();
    await open(clock);
    await submit('k');
    await clock.advance(24 * 3600 * 1000);
    await submit('k');
    expect(submitted).toBe(2);
    expect(await api.store.db.selectFrom('idempotency').selectAll().execute()).toHaveLength(1);
  });

  async function untilClaimed(): Promise<void> {
    while (submitted === 0) await new Promise((resolve) => setImmediate(resolve));
  }
});
