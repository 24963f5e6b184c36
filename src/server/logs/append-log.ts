import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { LogChunk, LogReply } from '../../protocol/agent-api.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Store } from '../store.ts';
import type { KnownLog, KnownLogs } from './known-logs.ts';
import { logRemoved, refused } from './log-errors.ts';
import type { LogGroups } from './log-groups.ts';
import type { LogLimits } from './open-log-store.ts';
import { HASH_MISMATCH_TOTAL } from './seal-checks.ts';

export interface AppendPorts {
  readonly store: Store;
  readonly known: KnownLogs;
  readonly groups: LogGroups;
  readonly limits: LogLimits;
  readonly metrics: Metrics;
  readonly log: DiagnosticLog;
}

type Chunk = Omit<LogChunk, 'fence'>;

/** Times a chunk is looked at anew because another server had appended meanwhile. */
const TRIES = 3;

/** As {@link LogStore.append} says. */
export async function appendLog(ports: AppendPorts, chunk: Chunk): Promise<ApiResult<LogReply>> {
  const { attempt, step, bytes } = chunk;
  if (crc32(bytes) !== Number.parseInt(chunk.crc32, 16))
    return refused('invalid', 'checksum', 'The bytes are not those that were sent: their CRC-32 is another.');
  return await ports.known.use(attempt, step, async (log) => {
    const read = (): Promise<ApiResult<null>> => ports.known.reload(attempt, step, log);
    // Another server may know of more than this one.
    if (chunk.offset > log.length) {
      const again = await read();
      if (!again.ok) return again;
    }
    for (let tries = TRIES; tries > 0; tries--) {
      const result = await appendOnce(ports, chunk, log);
      if (result !== 'stale') return result;
      const again = await read();
      if (!again.ok) return again;
    }
    return refused('unavailable', null, 'Two servers append to this log at the same time; send it again.');
  });
}

async function appendOnce(ports: AppendPorts, chunk: Chunk, log: KnownLog): Promise<ApiResult<LogReply> | 'stale'> {
  const { attempt, step, offset } = chunk;
  if (log.removedAt !== null) return logRemoved(log.removedAt);
  if (offset > log.length) {
    ports.metrics.count('gap_total', { of: 'log' });
    const message = `The log has ${log.length} bytes so far; these begin at ${offset}.`;
    return refused('invalid', 'wrong-offset', message, { offset: log.length });
  }
  const end = offset + chunk.bytes.length;
  if (end <= log.length) return stored(log);
  if (log.sealedLength !== null && end > log.sealedLength)
    return refused('conflict', 'sealed', `The log has its end at ${log.sealedLength} bytes.`);
  const room = roomFor(ports, attempt, log);
  if (room <= 0) return await tooLarge(ports, chunk, log);
  const bytes = chunk.bytes.subarray(log.length - offset).subarray(0, room);
  const { lines, openLine } = log;
  const result = await ports.groups.append({ attempt, step, offset: log.length, bytes, before: { lines, openLine } });
  if (!result.ok) {
    // It may have been committed all the same.
    log.hash = null;
    await ports.known.reload(attempt, step, log);
    return result;
  }
  const { value } = result;
  if (value.kind === 'stale') return 'stale';
  const { sealedLength, sealedHash } = value;
  Object.assign(log, { ...value.after, length: log.length + bytes.length, sealedLength, sealedHash });
  log.hash?.update(bytes);
  return isAsSealed(ports, chunk, log) ? stored(log) : await sendAgain(ports, chunk, log);
}

function stored({ length }: KnownLog): ApiResult<LogReply> {
  return { ok: true, value: { received: length, durable: length } };
}

function roomFor({ limits, known }: AppendPorts, attempt: string, log: KnownLog): number {
  return Math.min(limits.stepBytes - log.length, limits.jobBytes - known.bytesOf(attempt));
}

/** What fits was kept; the log says that it is cut. */
async function tooLarge({ store, limits }: AppendPorts, chunk: Chunk, log: KnownLog): Promise<ApiResult<LogReply>> {
  if (!log.full) {
    const { attempt, step } = chunk;
    const cut = await store.execute('cut-log', { attempt, step });
    if (!cut.ok) return cut;
    log.full = true;
  }
  const ofStep = log.length >= limits.stepBytes;
  const limit = ofStep ? limits.stepBytes : limits.jobBytes;
  const message = `The server keeps ${limit} bytes of log of a ${ofStep ? 'step' : 'job'}; the rest is left out.`;
  return refused('invalid', 'too-large', message, { limit, offset: log.length });
}

/** False for a log that has its end and is not what its agent had; it was not acknowledged as a whole yet. */
function isAsSealed(ports: AppendPorts, { attempt, step }: Chunk, log: KnownLog): boolean {
  if (log.sealedLength !== log.length || log.hash === null) return true;
  const matches = log.hash.copy().digest('hex') === log.sealedHash;
  if (!matches) {
    ports.metrics.count(HASH_MISMATCH_TOTAL);
    ports.log.error('a log is not what its agent had', { attempt, step, again: !log.resent });
    // The second time it is kept as it is: the agent's own bytes are not what it said.
    if (!log.resent) return false;
  }
  ports.known.verdicts.push({ attempt, step, matches });
  return true;
}

async function sendAgain(ports: AppendPorts, { attempt, step }: Chunk, log: KnownLog): Promise<ApiResult<LogReply>> {
  const reset = await ports.store.execute('reset-log', { attempt, step });
  if (!reset.ok) return reset;
  Object.assign(log, { length: 0, lines: 0, openLine: false, hash: createHash('sha256'), resent: true });
  return refused('invalid', 'wrong-offset', 'The log is not what was sealed; send it again.', { offset: 0 });
}
