import { uptime } from 'node:os';
import { type Clock, systemClock } from './clock.ts';

const MS_PER_SECOND = 1_000;

/** More than the hundredths of a second, in which the time since the boot is told, can make. */
const SUSPENDED_MS = 1_000;

/** The time since the boot is read from a file: no more often than this, which is how late a suspension may be noticed. */
const LOOK_MS = 10;

/**
 * The system's clock, but its `monotonic` counts from the boot, and the time for which a machine was suspended as well:
 * a lease goes on while its holder sleeps. (CLOCK_MONOTONIC, which Node.js timers and `performance` go by, stands still
 * meanwhile.)
 */
export function bootClock(): Clock {
  let base = uptime() * MS_PER_SECOND - performance.now();
  let lookedAt = performance.now();
  return {
    now: () => systemClock.now(),
    monotonic() {
      const now = performance.now();
      if (now - lookedAt < LOOK_MS) return now + base;
      lookedAt = now;
      const suspended = uptime() * MS_PER_SECOND - performance.now() - base;
      if (suspended > SUSPENDED_MS) base += suspended;
      return performance.now() + base;
    },
    after: (ms, callback) => systemClock.after(ms, callback),
  };
}
