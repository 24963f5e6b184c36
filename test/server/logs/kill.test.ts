import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundle, bundleFolder } from '../../support/bundle.ts';
import { openTestStore } from '../../support/server-database.ts';
import { insertAttempt } from './attempt-rows.ts';
import { openBench, readAll } from './log-harness.ts';
import { bytesAt } from './written-bytes.ts';

const STEPS = 4;
const LIVES = 6;

let folder: string;
let child: string;
beforeAll(async () => {
  folder = await bundleFolder();
  child = await bundle(new URL('./writer-child.ts', import.meta.url), folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the writer until it has acknowledged so much, kills it, and gives what it had acknowledged until then. */
async function live(logs: string, database: string, acks: number, seed: number): Promise<Map<number, number>> {
  const acknowledged = new Map<number, number>();
  const writer = spawn(process.execPath, [child, logs, database, String(STEPS), String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let count = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    const [step = 0, offset = 0] = line.split(' ').map(Number);
    acknowledged.set(step, offset);
    if (++count === acks) writer.kill('SIGKILL');
  }
  expect(count).toBeGreaterThanOrEqual(acks);
  return acknowledged;
}

describe('a server that is killed while it writes', () => {
  it('has every byte that it acknowledged, and its next life goes on behind them', async () => {
    const bench = await openBench();
    const database = join(folder, 'server.db');
    const first = await openTestStore({ database: 'sqlite', url: database });
    await insertAttempt(first, 'attempt', 'running');
    await first.close();
    let acknowledged = new Map<number, number>();
    for (let number = 1; number <= LIVES; number++) {
      const before = acknowledged;
      acknowledged = await live(bench.folder, database, 5 * number * number, number);
      for (const [step, offset] of before) expect(acknowledged.get(step) ?? offset).toBeGreaterThanOrEqual(offset);
      acknowledged = new Map([...before, ...acknowledged]);
    }
    const store = await openTestStore({ database: 'sqlite', url: database });
    await bench.logs.close();
    await bench.reopen({ store });
    for (const [step, offset] of acknowledged) {
      const stored = await readAll(bench.logs, 'attempt', step);
      expect(stored.length).toBeGreaterThanOrEqual(offset);
      expect(stored.equals(bytesAt(step, 0, stored.length))).toBe(true);
    }
    expect(bench.said.filter(({ level }) => level === 'error')).toEqual([]);
    await bench.logs.close();
    await store.close();
    await bench.close();
  });
});
