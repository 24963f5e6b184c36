import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where control groups with a limit of processes are made: cgroup v1, then v2. */
const PLACES = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'];

/** Whether processes can be put where there may only be so many. */
export const CAN_LIMIT = process.getuid?.() === 0 && placeOf() !== undefined;

export interface ProcessLimit {
  /** From now on it and all that it starts count. */
  add(pid: number): void;
  /** When all that were in it have ended. */
  remove(): void;
}

/** A control group in which there are at most so many processes and threads. */
export function processLimit(name: string, most: number): ProcessLimit {
  const place = placeOf();
  if (place === undefined) throw new Error('processes cannot be limited here');
  const folder = join(place, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'pids.max'), String(most));
  return {
    add: (pid) => {
      try {
        writeFileSync(join(folder, 'cgroup.procs'), String(pid));
      } catch (error) {
        // It ended meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
    remove: () => {
      rmdirSync(folder);
    },
  };
}

function placeOf(): string | undefined {
  return PLACES.find((place) => {
    const probe = join(place, `paceline-probe-${process.pid}`);
    if (!existsSync(join(place, 'cgroup.procs'))) return false;
    try {
      mkdirSync(probe);
    } catch {
      return false;
    }
    const can = existsSync(join(probe, 'pids.max'));
    rmdirSync(probe);
    return can;
  });
}
