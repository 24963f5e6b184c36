/** How long killing a job may take: so long before its lease is over it begins. */
export const KILL_GRACE_MS = 10_000;
/** Of a short lease no more than this part is given up for it. */
const KILL_GRACE_PART = 1 / 3;

/**
 * When an `exclusive` job has to be killed at the latest, on the clock of `renewedAt`: the time at which the last
 * acknowledged renewal was *sent*. The server counts from when it *received* it, which is later; so when it gives the job
 * to somebody else, nothing of it runs here any more.
 */
export function killTime(renewedAt: number, leaseMs: number): number {
  return renewedAt + leaseMs - Math.min(KILL_GRACE_MS, leaseMs * KILL_GRACE_PART);
}
