import type { Clock } from '../../kernel/clock.ts';
import type { Store } from '../store.ts';
import { FOREIGN_SEGMENT_MS } from './limits.ts';
import type { LogDisk } from './log-disk.ts';
import type { LogGroups } from './log-groups.ts';
import { segmentNumber } from './segment-name.ts';
import type { SegmentWriter } from './segment-writer.ts';

export interface SweepPorts {
  readonly store: Store;
  readonly disk: LogDisk;
  readonly clock: Clock;
  readonly node: string;
  readonly writer: SegmentWriter;
  readonly groups: LogGroups;
}

/** As {@link LogStore.sweep} says. While the database cannot be asked, nothing is removed. */
export async function sweepSegments({ store, disk, clock, node, writer, groups }: SweepPorts): Promise<number> {
  const active = writer.active;
  const old = (await disk.list()).filter(({ name, changedAt }) => {
    const own = segmentNumber(node, name) !== null;
    return own ? name !== active : changedAt < clock.now() - FOREIGN_SEGMENT_MS;
  });
  // What was written to one of them before may not be committed yet.
  await groups.barrier();
  const unused = await store.execute('find-unused-segments', { segments: old.map(({ name }) => name) });
  if (!unused.ok) return 0;
  let freed = 0;
  for (const { name, bytes } of old) {
    if (!unused.value.includes(name)) continue;
    await disk.remove(name);
    freed += bytes;
  }
  return freed;
}
