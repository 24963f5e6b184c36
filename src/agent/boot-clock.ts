import { uptime } from 'node:os';
import { type Clock, systemClock } from '../kernel/clock.ts';

const MS_PER_SECOND = 1_000;

/**
 * The system's clock, but its `monotonic` counts the time for which a machine was suspended as well: a lease goes on
 * while its holder sleeps. (CLOCK_MONOTONIC, which Node.js timers and `performance` go by, stands still meanwhile.)
 */
export const bootClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => uptime() * MS_PER_SECOND,
  after: (ms, callback) => systemClock.after(ms, callback),
};
