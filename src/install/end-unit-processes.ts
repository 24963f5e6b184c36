import { basename, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Cgroup, ownCgroups } from '../process/cgroup.ts';
import { signalProcess } from '../process/send-signal.ts';
import { readProcess } from '../process/process-table.ts';

/** systemd gives what it calls itself, in a unit that has cgroups of its own, a corner there. */
const CONTROL_CORNER = '.control';
/** What is killed may have forked a moment before; each look finds fewer. */
const LOOKS = 50;
const BETWEEN_LOOKS_MS = 20;

/**
 * Kills whatever still lives in the control group of the service that this process was started by, but for this process.
 * Returns how many that were. Does nothing outside of a service.
 */
export async function endUnitProcesses(): Promise<number> {
  const killed = new Set<number>();
  for (const own of ownCgroups()) {
    const unit = basename(own) === CONTROL_CORNER ? dirname(own) : own;
    if (!unit.endsWith('.service')) continue;
    for (let look = 0; look < LOOKS; look++) {
      const others = new Cgroup(unit, own).pids().filter((pid) => pid !== process.pid);
      if (others.length === 0) break;
      for (const pid of others) {
        const facts = readProcess(pid);
        if (facts) signalProcess(facts, 'SIGKILL');
        killed.add(pid);
      }
      await setTimeout(BETWEEN_LOOKS_MS);
    }
  }
  return killed.size;
}
