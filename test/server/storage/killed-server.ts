/**
 * A process that writes to a store until it is killed, and says on its standard output what was acknowledged, a name a
 * line. Arguments: the thread's file, the database, a failpoint or ''. Bundled by the test.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../src/kernel/clock.ts';
import { openStore } from '../../../src/server/storage/open-store.ts';
import type { Store } from '../../../src/server/store.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';

const WRITERS = 8;

const [threadFile = '', database = '', failpoint = ''] = process.argv.slice(2);
const store: Omit<Store, 'execute'> & {
  execute(name: string, input: unknown): Promise<{ readonly ok: boolean }>;
} = await openStore({
  database,
  threadFile,
  failpoint: failpoint === '' ? null : failpoint,
  node: 'killed',
  settings: TEST_SETTINGS,
  clock: systemClock,
  onMetric: () => undefined,
  onTrouble: (message) => void writeSync(2, `${message}\n`),
});

async function write(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const name = `w${writer}.${count}`;
    const { ok } = await store.execute('write-pair', { name });
    if (ok) writeSync(1, `${name}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
