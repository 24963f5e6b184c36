/** What was acknowledged is there after the server was killed, and nothing is there by half. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/kernel/clock.ts';
import { openStoreInProcess } from '../../../src/server/storage/open-store-in-process.ts';
import { randomId } from '../../../src/server/storage/random-id.ts';
import { bundle, bundleFolder } from '../../support/bundle.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';

let folder: string;
let program: string;
let threadFile: string;

beforeAll(async () => {
  folder = await bundleFolder();
  threadFile = await bundle(new URL('./thread-operations.ts', import.meta.url), folder);
  program = await bundle(new URL('./killed-server.ts', import.meta.url), folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Crash {
  readonly database: string;
  readonly failpoint: string;
  /** Killed from outside once so many are acknowledged; null: by the failpoint. */
  readonly after: number | null;
}

/** What the process said was acknowledged, up to its end. */
async function acknowledgedBy({ database, failpoint, after }: Crash): Promise<readonly string[]> {
  const child = spawn(process.execPath, [program, threadFile, database, failpoint], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    acknowledged.push(line);
    if (acknowledged.length === after) child.kill('SIGKILL');
  });
  const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')]);
  expect(signal).toBe('SIGKILL');
  return acknowledged;
}

async function pairsIn(database: string): Promise<Map<string, number>> {
  const store = await openStoreInProcess({
    database,
    clock: systemClock,
    node: 'after',
    settings: TEST_SETTINGS,
    randomId,
  });
  const rows = await store.db.selectFrom('setting').select('name').where('value', '=', 'pair').execute();
  await store.close();
  const halves = new Map<string, number>();
  for (const { name } of rows) {
    const pair = name.replace(/\.(one|two)$/, '');
    halves.set(pair, (halves.get(pair) ?? 0) + 1);
  }
  return halves;
}

describeDatabases('a server killed in the middle of commits', (database) => {
  it.each([
    { failpoint: '', after: 100 },
    { failpoint: '', after: 333 },
    { failpoint: 'server-before-commit:20', after: null },
    { failpoint: 'server-after-commit:20', after: null },
  ])('loses nothing that it acknowledged, and keeps no half: %p', async (crash) => {
    const postgres = database === 'postgres';
    const url = postgres ? await createPostgresDatabase() : join(folder, `${randomUUID()}.db`);
    const acknowledged = await acknowledgedBy({ database: url, ...crash });
    const halves = await pairsIn(url);
    expect(acknowledged.filter((name) => halves.get(name) !== 2)).toEqual([]);
    expect([...halves].filter(([, count]) => count !== 2)).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(10);
    if (postgres) await dropPostgresDatabase(url);
  });
});
