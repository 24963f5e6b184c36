import { findJobCgroups } from './cgroup.ts';
import { endJobProcesses } from './end-job-processes.ts';
import { ProcessScanner } from './process-scan.ts';
import { readProcess } from './process-table.ts';
import type { EndedProcess } from './process-tree.ts';

/** What it started may be older than we are. */
const SINCE_BOOT = 0;

/**
 * Ends what a job left behind whose worker was killed before it could: all that carries the job's id in the tracking
 * variable or lives in its cgroups. Returns what was ended. Call when the worker is known to be dead. Where there is no
 * /proc nothing can be found.
 */
export async function reapLeftovers(jobId: string): Promise<readonly EndedProcess[]> {
  if (!readProcess(process.pid)) return [];
  const cgroups = findJobCgroups(jobId);
  const ended = await endJobProcesses({ jobId, cgroups, sessions: [], scanner: new ProcessScanner(SINCE_BOOT) });
  for (const cgroup of cgroups) cgroup.remove();
  return ended;
}
