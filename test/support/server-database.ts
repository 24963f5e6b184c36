/** A store for a test: a database of its own, the operations in the test's thread, everything recorded. */
import type { Clock } from '../../src/kernel/clock.ts';
import type { ServerSettings, WakeTopic } from '../../src/server/operation.ts';
import { migrate } from '../../src/server/storage/migrations.ts';
import { openPostgres } from '../../src/server/storage/open-postgres.ts';
import { type InProcessStore, openStoreInProcess } from '../../src/server/storage/open-store-in-process.ts';
import type { StoreMetric } from '../../src/server/storage/store-metric.ts';
import { FakeClock } from './fake-clock.ts';
import { TEST_SETTINGS } from './server-settings.ts';
import { copyPostgresDatabase, dropPostgresDatabase } from './postgres-server.ts';

export interface TestStoreOptions {
  readonly database: 'sqlite' | 'postgres';
  /** Default: a {@link FakeClock}. */
  readonly clock?: Clock;
  readonly settings?: Partial<ServerSettings>;
  readonly node?: string;
  /** A database that another store has made; it is not removed with this one. Default: a new one, SQLite in memory. */
  readonly url?: string;
}

export interface TestStore extends InProcessStore {
  readonly url: string;
  readonly clock: Clock;
  /** What was counted and measured. */
  readonly metrics: readonly StoreMetric[];
  /** Topics that were told, in order. */
  readonly topics: readonly WakeTopic[];
  /** Bugs, and the database coming and going. */
  readonly troubles: readonly string[];
  /** Sum of a counter, over those of its series that have these labels. */
  counted(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** Close it before the test ends: a database of its own goes with it. */
export async function openTestStore(options: TestStoreOptions): Promise<TestStore> {
  const own = options.url === undefined;
  const url = options.url ?? (options.database === 'sqlite' ? ':memory:' : await copyPostgresDatabase(migrateOnce));
  const clock = options.clock ?? new FakeClock();
  const metrics: StoreMetric[] = [];
  const topics: WakeTopic[] = [];
  const troubles: string[] = [];
  let ids = 0;
  const node = options.node ?? 'test';
  const store = await openStoreInProcess({
    database: url,
    clock,
    node,
    settings: { ...TEST_SETTINGS, ...options.settings },
    randomId: () => `${node.slice(0, 6).toLowerCase().padEnd(6, 'x')}${String(ids++).padStart(10, '0')}`,
    onMetric: (metric) => metrics.push(metric),
    onTrouble: (message) => troubles.push(message),
  });
  store.subscribe((told) => topics.push(...told));
  return {
    ...store,
    url,
    clock,
    metrics,
    topics,
    troubles,
    counted: (name, labels = {}) =>
      metrics
        .filter((metric) => metric.name === name)
        .filter((metric) => Object.entries(labels).every(([key, value]) => metric.labels[key] === value))
        .reduce((sum, { value }) => sum + value, 0),
    close: async () => {
      await store.close();
      if (own && options.database === 'postgres') await dropPostgresDatabase(url);
    },
  };
}

async function migrateOnce(url: string): Promise<void> {
  const db = await openPostgres(url, { connections: 1, onIdleError: () => undefined });
  await migrate(db, 'postgres', 0);
  await db.destroy();
}
