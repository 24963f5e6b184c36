import { isSame, lives, readProcess } from './process-table.ts';
import type { ProcessIdentity } from './running-process.ts';

/** Only to that very process: its pid may be another's by now. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  const facts = readProcess(identity.pid);
  if (facts && lives(facts) && isSame(facts, identity)) send(identity.pid, signal);
}

/** To all members. The caller knows that the group is (still) that of a process started here. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  send(-group, signal);
}

/** Whether the group has a member, a zombie included. A member that is not ours to signal counts. */
export function groupExists(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function send(target: number, signal: NodeJS.Signals): void {
  // 0, -1 and 1 would be our own group, everybody, and init.
  if (Math.abs(target) <= 1 || target === process.pid) return;
  try {
    process.kill(target, signal);
  } catch {
    // It has ended in between, or runs as another user (sudo): the next rung, and at last the time limit, deal with it.
  }
}
