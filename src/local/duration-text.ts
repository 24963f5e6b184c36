const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `0.4s`, `12.3s`, `3m 04s`, `1h 02m`: at most seven columns up to 99 hours. */
export function durationText(ms: number): string {
  const tenths = Math.round(Math.max(ms, 0) / 100);
  if (tenths < MINUTE / 100) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.round(ms / SECOND);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < HOUR / SECOND) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.round(ms / MINUTE);
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** Milliseconds between two ISO times, or null when one is missing. */
export function elapsedMs(from: string | null, to: string | null): number | null {
  return from === null || to === null ? null : Math.max(Date.parse(to) - Date.parse(from), 0);
}
