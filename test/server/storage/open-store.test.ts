import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { ApiResult } from '../../../src/protocol/api-error.ts';
import type { Store } from '../../../src/server/store.ts';
import { openStore, type ThreadedStoreOptions } from '../../../src/server/storage/open-store.ts';
import type { StoreMetric } from '../../../src/server/storage/store-metric.ts';
import { bundle, bundleFolder } from '../../support/bundle.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';

type AnyStore = Omit<Store, 'execute'> & { execute(name: string, input: unknown): Promise<ApiResult<unknown>> };

let folder: string;
let threadFile: string;
const opened: AnyStore[] = [];

beforeAll(async () => {
  folder = await bundleFolder();
  threadFile = await bundle(new URL('./thread-operations.ts', import.meta.url), folder);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function open(options: Partial<ThreadedStoreOptions> = {}): Promise<AnyStore> {
  const store: AnyStore = await openStore({
    database: join(folder, `${randomUUID()}.db`),
    threadFile,
    node: 'test',
    settings: TEST_SETTINGS,
    clock: systemClock,
    onMetric: () => undefined,
    onTrouble: () => undefined,
    ...options,
  });
  opened.push(store);
  return store;
}

describe('the store in a thread of its own', () => {
  it('runs operations and gives their answers, refusals as values', async () => {
    const store = await open();
    expect(await store.execute('write-setting', { name: 'a', value: '1' })).toEqual({ ok: true, value: '1' });
    expect(await store.execute('read-setting', { name: 'a' })).toEqual({ ok: true, value: { value: '1' } });
    expect(await store.execute('refuse', null)).toEqual({
      ok: false,
      error: { code: 'not_found', reason: null, message: 'There is none.', detail: { looked: 'everywhere' } },
    });
  });

  it('answers internal to an operation that there is not', async () => {
    const troubles: string[] = [];
    const store = await open({ onTrouble: (message) => troubles.push(message) });
    expect(await store.execute('nonsense', null)).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(troubles.join('\n')).toContain("there is no operation 'nonsense'");
  });

  it('tells topics and counters of what is committed', async () => {
    const metrics: StoreMetric[] = [];
    const topics: string[] = [];
    const store = await open({ onMetric: (metric) => metrics.push(metric) });
    store.subscribe((told) => topics.push(...told));
    await Promise.all([1, 2, 3].map((n) => store.execute('write-setting', { name: `n${n}`, value: '' })));
    expect(topics).toEqual(['timers']);
    expect(metrics.filter(({ name }) => name === 'written_total')).toHaveLength(3);
    expect(metrics.filter(({ name }) => name === 'ops_per_commit').map(({ value }) => value)).toEqual([3]);
  });

  it('commits what was asked for before it closes, and takes nothing more', async () => {
    const database = join(folder, `${randomUUID()}.db`);
    const store = await open({ database });
    const written = Array.from({ length: 50 }, (_, n) => store.execute('write-setting', { name: `n${n}`, value: 'x' }));
    const closed = store.close();
    expect(await store.execute('read-setting', { name: 'n0' })).toMatchObject({ error: { code: 'unavailable' } });
    for (const answer of await Promise.all(written)) expect(answer).toEqual({ ok: true, value: 'x' });
    await closed;
    const again = await open({ database });
    expect(await again.execute('read-setting', { name: 'n49' })).toEqual({ ok: true, value: { value: 'x' } });
  });

  it('answers unavailable when the thread crashes, and comes up again', async () => {
    const clock = new FakeClock();
    const troubles: string[] = [];
    const store = await open({ clock, onTrouble: (message) => troubles.push(message) });
    await store.execute('write-setting', { name: 'a', value: '1' });
    expect(await store.execute('crash', null)).toMatchObject({
      ok: false,
      error: { code: 'unavailable', reason: 'database' },
    });
    expect(troubles.join('\n')).toContain('a bug of the test');
    expect(await store.execute('read-setting', { name: 'a' })).toMatchObject({ error: { code: 'unavailable' } });
    const told = new Promise<readonly string[]>((resolve) => store.subscribe(resolve));
    await clock.advance(500);
    expect(await told).toEqual(['timers']);
    expect(await store.execute('read-setting', { name: 'a' })).toEqual({ ok: true, value: { value: '1' } });
  });

  it('says which database cannot be opened, and how to go on', async () => {
    const database = join(folder, 'no-such-folder', 'paceline.db');
    await expect(open({ database })).rejects.toThrow(
      `The database '${database}' cannot be opened: its folder is missing or closed to us. Make the folder writable, or name another with --database.`,
    );
    await expect(open({ database: 'postgres://me:geheim@127.0.0.1:1/paceline' })).rejects.toThrow(
      "The database 'paceline' at 127.0.0.1:1 cannot be opened: connect ECONNREFUSED 127.0.0.1:1. " +
        'Start it, or name another with --database.',
    );
  });
});
