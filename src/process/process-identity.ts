import { readFileSync } from 'node:fs';
import { lives, readProcess } from './process-table.ts';

/**
 * A process as text that no other process has ever had or will have: boot, pid and start time. For files that outlive
 * whoever wrote them. Null when there is no such process. Where there is no /proc it is the pid alone.
 */
export function identityOf(pid: number): string | null {
  const boot = bootId();
  if (boot === null) return signalReaches(pid) ? `${NO_PROC} ${pid}` : null;
  const facts = readProcess(pid);
  return facts === null || !lives(facts) ? null : `${boot} ${pid} ${facts.startTime}`;
}

/** Whether the process that the text names still runs. */
export function isAlive(identity: string): boolean {
  const pid = Number(identity.split(' ')[1]);
  return Number.isInteger(pid) && pid > 0 && identityOf(pid) === identity;
}

/** Another one after each start of the machine; null where the system does not tell. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // Not Linux.
    return null;
  }
}

const NO_PROC = '-';

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
