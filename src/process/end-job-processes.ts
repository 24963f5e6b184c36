import type { Cgroup } from './cgroup.ts';
import type { ProcessScanner, TrackedProcess } from './process-scan.ts';
import type { EndedProcess } from './process-tree.ts';
import { isSame, nameForPeople } from './process-table.ts';
import type { ProcessIdentity } from './running-process.ts';
import { signalProcess } from './send-signal.ts';
import { belongsToJob, leftTheJob } from './tracking.ts';

/** A session that lived on when the process it was made for had ended, with who was in it then. */
export interface KnownSession {
  readonly session: number;
  readonly members: readonly ProcessIdentity[];
}

export interface JobProcesses {
  readonly jobId: string;
  readonly cgroups: readonly Cgroup[];
  readonly sessions: readonly KnownSession[];
  readonly scanner: ProcessScanner;
}

/** A look takes some milliseconds, the pauses between grow: about 5 s in all, for what SIGKILL does not end at once. */
const MAX_LOOKS = 100;
const PAUSE_STEP_MS = 1;

/**
 * Kills everything of a job: what is in its cgroups, in sessions that it left behind, and what carries its id in the
 * tracking variable. Returns each once, in the order found. What has left the job for good lives on.
 */
export async function endJobProcesses(job: JobProcesses): Promise<readonly EndedProcess[]> {
  const ended = new Map<string, EndedProcess>();
  for (let look = 0; look < MAX_LOOKS; look++) {
    const { doomed, unseen } = sort(job, await job.scanner.scan());
    if (doomed.length === 0 && !unseen) break;
    for (const { pid, startTime, name } of doomed) {
      const key = `${pid} ${startTime}`;
      if (!ended.has(key)) ended.set(key, { pid, name });
    }
    for (const facts of doomed) signalProcess(facts, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, look * PAUSE_STEP_MS));
  }
  return [...ended.values()];
}

/** Lets go free what has left the job, and ends cgroups in which only others are. */
function sort(
  { jobId, cgroups, sessions }: JobProcesses,
  processes: readonly TrackedProcess[],
): { readonly doomed: readonly TrackedProcess[]; readonly unseen: boolean } {
  const inside = new Map(cgroups.flatMap((cgroup) => cgroup.pids().map((pid) => [pid, cgroup] as const)));
  const leftBehind = new Set(
    sessions
      .filter(({ members }) => processes.some((facts) => members.some((member) => isSame(member, facts))))
      .map(({ session }) => session),
  );
  const tied = processes.filter(
    ({ pid, session, tracking }) => inside.has(pid) || leftBehind.has(session) || belongsToJob(tracking, jobId),
  );
  const free = tied.filter(({ tracking }) => leftTheJob(tracking));
  for (const { pid } of free) inside.get(pid)?.release(pid);

  // Asked before the end: what is being killed has no command any more.
  const doomed = tied
    .filter((facts) => !free.includes(facts))
    .map((facts) => ({ ...facts, name: nameForPeople(facts) }));
  const known = new Set(processes.map(({ pid }) => pid));
  const unseen = [...inside.keys()].some((pid) => !known.has(pid));
  // One that started after the look may be free to go: then they are ended one by one, when they have been seen.
  if (!unseen && free.length === 0) for (const cgroup of cgroups) cgroup.kill();
  return { doomed, unseen };
}
