import type { ServerSettings } from '../operation.ts';
import { CANCEL_GRACE_MS, FORCE_GRACE_MS } from './limits.ts';

interface Cancelled {
  readonly cancel_at: number | null;
  readonly cancel_force: number;
}

/** When the server ends a cancelled attempt itself, in milliseconds since the epoch; null for one that is not. */
export function cancelDeadline(
  { cancel_at, cancel_force }: Cancelled,
  { leaseMs }: Pick<ServerSettings, 'leaseMs'>,
): number | null {
  return cancel_at === null ? null : cancel_at + (cancel_force === 1 ? FORCE_GRACE_MS : CANCEL_GRACE_MS) + leaseMs;
}
