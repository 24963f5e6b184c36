import { readFileSync, writeFileSync } from 'node:fs';

const OWN_SCORE = '/proc/self/oom_score_adj';

/**
 * Runs what starts a child so that the child is born with this score (proc_pid_oom_score_adj(5): -1000 to 1000, higher
 * ends first when memory runs out), then takes ours back. To write to the child's file would be too late for what it
 * has started by then, and a wrapper would cost a process. Where scores cannot be changed, `start` runs all the same.
 */
export function withOomScore<T>(score: number | null, start: () => T): T {
  const own = score === null ? null : swap(score);
  try {
    return start();
  } finally {
    if (own !== null) swap(own);
  }
}

/** Returns what was there before, or null when it was not changed. */
function swap(score: number): number | null {
  try {
    const before = Number(readFileSync(OWN_SCORE, 'latin1'));
    if (before === score) return null;
    writeFileSync(OWN_SCORE, String(score));
    return before;
  } catch {
    // Not Linux, or not permitted (a score below our own): only the order of victims in a shortage is at stake.
    return null;
  }
}
