import type { Clock } from '../kernel/clock.ts';
import { allProcesses, hasEnded, readProcess, startedWith } from './process-table.ts';
import { TRACKING_VARIABLE } from './running-process.ts';

/** Passes over /proc: a process may fork while we look, so we look again until we find nobody. */
const MAX_PASSES = 50;
const PAUSE_MS = 2;

/**
 * Kills every process that was started with this value in its tracking variable, or with one that begins with it.
 * Returns them in the order found. Ourselves are never among them.
 */
export async function killMarked(
  value: string,
  match: 'exact' | 'prefix',
  clock: Clock,
): Promise<{ pid: number; name: string }[]> {
  const found = new Map<string, { pid: number; name: string }>();
  if (value === '' || process.platform !== 'linux') return [];
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let living = 0;
    for (const row of allProcesses()) {
      if (row.pid === process.pid || row.pid <= 1 || hasEnded(row)) continue;
      const marker = startedWith(row.pid, TRACKING_VARIABLE);
      if (marker === null || !(match === 'exact' ? marker === value : marker.startsWith(value))) continue;
      // Between reading its environment and now the pid may have become somebody else's.
      if (readProcess(row.pid)?.startTime !== row.startTime) continue;
      living++;
      found.set(`${String(row.pid)} ${row.startTime}`, { pid: row.pid, name: row.name });
      try {
        process.kill(row.pid, 'SIGKILL');
      } catch {
        // It ended by itself in between.
      }
    }
    if (living === 0) break;
    await new Promise<void>((resolve) => {
      clock.after(PAUSE_MS, resolve);
    });
  }
  return [...found.values()];
}
