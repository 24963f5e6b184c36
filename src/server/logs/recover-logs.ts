import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import { RECOVERED_SEGMENTS } from './limits.ts';
import type { LogDisk } from './log-disk.ts';
import { SEGMENT_HEAD_BYTES } from './log-frame.ts';
import { MissingExtents, type MissingPorts } from './missing-extents.ts';
import { scanSegment } from './scan-segment.ts';
import { segmentNumber } from './segment-name.ts';

export interface RecoverPorts extends MissingPorts {
  readonly disk: LogDisk;
  readonly log: DiagnosticLog;
}

/**
 * Looks through what this server's last life left, behind what the database knows: frames that were written and not
 * committed are taken in, the end that was prepared or torn is cut off, damage is told.
 * @returns the number of the next segment.
 * @throws Error while the database cannot be asked.
 */
export async function recoverLogs(ports: RecoverPorts, node: string): Promise<number> {
  const own = (await ports.disk.list())
    .map(({ name, bytes }) => ({ name, bytes, number: segmentNumber(node, name) ?? -1 }))
    .filter(({ number }) => number >= 0)
    .sort((a, b) => a.number - b.number);
  const last = own.slice(-RECOVERED_SEGMENTS);
  const marks = await ports.store.execute('mark-segments', { segments: last.map(({ name }) => name) });
  if (!marks.ok) throw new Error(marks.error.message);
  const missing = new MissingExtents(ports);
  for (const [index, { name, bytes }] of last.entries())
    await recoverSegment(ports, missing, name, bytes, marks.value[index] ?? -1);
  await missing.flush();
  if (missing.bytes > 0) ports.log.info('logs that were on disk were taken in', { bytes: missing.bytes });
  return (own.at(-1)?.number ?? 0) + 1;
}

async function recoverSegment(
  { disk, log }: RecoverPorts,
  missing: MissingExtents,
  name: string,
  bytes: number,
  mark: number,
): Promise<void> {
  const file = await disk.open(name);
  let end = 0;
  let known = mark < 0;
  try {
    for await (const found of scanSegment(file, Math.max(mark, SEGMENT_HEAD_BYTES))) {
      if (found.kind === 'damage')
        log.error('a segment of logs is damaged', { segment: name, position: found.position, bytes: found.bytes });
      else if (found.kind === 'frame') {
        if (found.frame.position === mark) known = true;
        else await missing.add(name, found.frame);
      } else end = found.position;
    }
  } finally {
    await file.close();
  }
  // What was acknowledged and cannot be read any more is left as it is.
  if (known && end < bytes) await disk.truncate(name, end);
}

/**
 * Makes the database know every frame that is on disk and follows what it knows, from the segments of all servers: after
 * it was restored from a backup. Frames of attempts that it has not are left alone. @returns bytes that were taken in.
 */
export async function rebuildExtents(ports: RecoverPorts, signal?: AbortSignal): Promise<number> {
  const missing = new MissingExtents(ports);
  // Frames of one log may lie in the segments of several servers, in any order.
  for (let before = -1; missing.bytes > before;) {
    before = missing.bytes;
    const segments = [...(await ports.disk.list())].sort((a, b) => a.changedAt - b.changedAt);
    for (const { name } of segments) {
      const file = await ports.disk.open(name);
      try {
        for await (const found of scanSegment(file)) {
          signal?.throwIfAborted();
          if (found.kind === 'frame') await missing.add(name, found.frame);
        }
      } finally {
        await file.close();
      }
    }
    await missing.flush();
  }
  if (missing.bytes > 0) ports.log.info('logs that were on disk were taken in', { bytes: missing.bytes });
  return missing.bytes;
}
