/** A server's log store in a process of its own, which says what it has acknowledged; bundled by the test. */
import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { systemClock } from '../../../src/kernel/clock.ts';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { openLogDisk } from '../../../src/server/logs/open-log-disk.ts';
import { openLogStore } from '../../../src/server/logs/open-log-store.ts';
import { NO_METRICS } from '../../../src/server/observe/metrics.ts';
import { openStoreInProcess } from '../../../src/server/storage/open-store-in-process.ts';
import { bytesAt } from './written-bytes.ts';

const [, , folder = '', database = '', steps = '1', seed = '0'] = process.argv;
let random = Number(seed);
const next = (limit: number): number => {
  random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
  return 1 + Math.floor((random / 2_147_483_648) * limit);
};
const store = await openStoreInProcess({
  database,
  clock: systemClock,
  node: 'one',
  settings: {} as never,
  randomId: () => `child${String(next(1e9))}`,
});
const logs = await openLogStore({
  store,
  disk: await openLogDisk(folder),
  clock: systemClock,
  node: 'one',
  limits: { stepBytes: 1e12, jobBytes: 1e12 },
  metrics: NO_METRICS,
  log: SILENT_LOG,
  searchThreadFile: null,
  segmentSize: { bytes: 1_000_000, prepared: 100_000 },
});

async function write(step: number): Promise<never> {
  for (let offset = 0; ;) {
    const bytes = bytesAt(step, offset, next(20_000));
    const crc = crc32(bytes).toString(16).padStart(8, '0');
    const reply = await logs.append({ attempt: 'attempt', step, offset, bytes, crc32: crc });
    if (reply.ok) offset = reply.value.durable;
    else if (reply.error.reason === 'wrong-offset') offset = Number(reply.error.detail?.offset);
    else throw new Error(reply.error.message);
    writeSync(1, `${String(step)} ${String(offset)}\n`);
  }
}

await Promise.all(Array.from({ length: Number(steps) }, (_, step) => write(step)));
