import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { ApiResult } from '../../../src/protocol/api-error.ts';
import type { LogReply } from '../../../src/protocol/agent-api.ts';
import type { DiagnosticFields, DiagnosticLog } from '../../../src/kernel/diagnostic-log.ts';
import type { LogHitPlace, LogStore } from '../../../src/server/log-store.ts';
import type { LogDisk } from '../../../src/server/logs/log-disk.ts';
import { openLogDisk } from '../../../src/server/logs/open-log-disk.ts';
import { type LogStoreOptions, openLogStore } from '../../../src/server/logs/open-log-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestStore, type TestStore, type TestStoreOptions } from '../../support/server-database.ts';

const MIB = 1024 * 1024;
export const ATTEMPT = 'attempt000000001';

/** A log store on a real folder and a real database, and what it said and counted. */
export interface LogBench {
  readonly folder: string;
  readonly disk: LogDisk;
  readonly clock: FakeClock;
  readonly store: TestStore;
  readonly said: { readonly level: string; readonly message: string; readonly fields: DiagnosticFields }[];
  readonly counted: Map<string, number>;
  logs: LogStore;
  /** Another server on the same folder and database. */
  open(options?: Partial<LogStoreOptions>): Promise<LogStore>;
  /** As after the end of the process: what was not told is lost. */
  reopen(options?: Partial<LogStoreOptions>): Promise<void>;
  close(): Promise<void>;
}

export async function openBench(
  options: Partial<LogStoreOptions> & { readonly database?: TestStoreOptions['database'] } = {},
): Promise<LogBench> {
  const { database = 'sqlite', ...own } = options;
  const folder = await mkdtemp(join(tmpdir(), 'paceline-logs-'));
  const disk = own.disk ?? (await openLogDisk(folder));
  const clock = new FakeClock();
  const store = await openTestStore({ database, clock });
  const said: LogBench['said'] = [];
  const counted = new Map<string, number>();
  const opened: LogStore[] = [];
  const open = async (more: Partial<LogStoreOptions> = {}): Promise<LogStore> => {
    const logs = await openLogStore({
      store,
      disk,
      clock,
      node: 'one',
      limits: { stepBytes: 512 * MIB, jobBytes: 1_024 * MIB },
      metrics: {
        count: (name, _labels, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by),
        observe: () => undefined,
        add: () => undefined,
      },
      log: recorder(said),
      searchThreadFile: null,
      ...own,
      ...more,
    });
    opened.push(logs);
    return logs;
  };
  const bench: LogBench = {
    folder,
    disk,
    clock,
    store,
    said,
    counted,
    logs: await open(),
    open,
    reopen: async (more) => {
      bench.logs = await open(more);
    },
    close: async () => {
      for (const logs of opened) await logs.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

export function recorder(said: LogBench['said']): DiagnosticLog {
  const at =
    (level: string) =>
    (message: string, fields: DiagnosticFields = {}): void =>
      void said.push({ level, message, fields });
  const log: DiagnosticLog = {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: () => log,
  };
  return log;
}

export function append(
  logs: LogStore,
  offset: number,
  bytes: Uint8Array | string,
  { attempt = ATTEMPT, step = 1 }: { readonly attempt?: string; readonly step?: number } = {},
): Promise<ApiResult<LogReply>> {
  const buffer = Buffer.from(bytes);
  return logs.append({ attempt, step, offset, bytes: buffer, crc32: crcOf(buffer) });
}

export function crcOf(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** The whole of a log, page by page. */
export async function readAll(logs: LogStore, attempt = ATTEMPT, step = 1, page = 256 * 1024): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let byte = 0; ;) {
    const slice = await logs.read(attempt, step, { byte }, page);
    if (!slice.ok) throw new Error(slice.error.message);
    if (slice.value.bytes.length === 0) return Buffer.concat(parts);
    parts.push(slice.value.bytes);
    byte += slice.value.bytes.length;
  }
}

export async function found(
  logs: LogStore,
  query: Partial<Parameters<LogStore['search']>[1]>,
  signal = new AbortController().signal,
): Promise<LogHitPlace[]> {
  const hits: LogHitPlace[] = [];
  for await (const hit of logs.search(
    ATTEMPT,
    { text: '', pattern: false, step: null, limit: 1_000, ...query },
    signal,
  ))
    hits.push(hit);
  return hits;
}

export const durable = (bytes: number): ApiResult<LogReply> => ({
  ok: true,
  value: { received: bytes, durable: bytes },
});

/** As the worker's record says of a log that has its end. */
export async function seal(store: TestStore, length: number, hash: string, step = 1): Promise<void> {
  await store.db
    .insertInto('log_stream')
    .values({
      ...{ attempt_id: ATTEMPT, step, length: 0, lines: 0, announced: length, cut: null, removed_at: null },
      ...{ sealed_length: length, sealed_hash: hash },
    })
    .onConflict((conflict) =>
      conflict.columns(['attempt_id', 'step']).doUpdateSet({ sealed_length: length, sealed_hash: hash }),
    )
    .execute();
}
