import { findJobCgroups } from '../process/cgroup.ts';
import {
  listPids,
  lives,
  type ProcessFacts,
  readEnvironment,
  readProcess,
  variableIn,
} from '../process/process-table.ts';
import { TRACKING_VARIABLE } from '../process/running-process.ts';
import { signalProcess } from '../process/send-signal.ts';
import { belongsToJob, leftTheJob } from '../process/tracking.ts';

/**
 * Sends SIGKILL to all that jobs have started, in one synchronous sweep without waiting for anything: the last thing
 * before an exit that cannot be put off. Where there is no /proc nothing can be found.
 */
export function killTracked(jobIds: readonly string[]): void {
  if (!readProcess(process.pid)) return;
  const all = listPids()
    .map(readProcess)
    .filter((facts) => facts !== null)
    .filter(lives);
  const ours = descendants(all);
  for (const facts of all) {
    const tracking = variableIn(readEnvironment(facts.pid), TRACKING_VARIABLE);
    const isOurs = ours.has(facts.pid) || jobIds.some((jobId) => belongsToJob(tracking, jobId));
    if (isOurs && !leftTheJob(tracking)) signalProcess(facts, 'SIGKILL');
  }
  for (const jobId of jobIds)
    for (const cgroup of findJobCgroups(jobId)) {
      cgroup.kill();
      cgroup.remove();
    }
}

/** Children of ours and theirs: also the steps of a Paceline that a step runs. */
function descendants(all: readonly ProcessFacts[]): ReadonlySet<number> {
  const found = new Set<number>([process.pid]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  found.delete(process.pid);
  return found;
}
