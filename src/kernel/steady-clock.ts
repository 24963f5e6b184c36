import type { Clock } from './clock.ts';

/** How fast `now` goes towards the wall clock when that was set to another time: a part of the time that goes by. */
const SLEW = 0.1;

/**
 * The time of day for what is compared with itself: it goes on evenly when somebody sets the machine's clock, and reaches
 * the new time little by little, at most a tenth faster or slower than real time. It never goes backwards. Leases that
 * are told as times of day so last as long as they should, give or take that tenth.
 */
export function steadyClock(clock: Clock): Clock {
  let at = clock.monotonic();
  let wall = clock.now();
  return {
    now() {
      const monotonic = clock.monotonic();
      const elapsed = monotonic - at;
      at = monotonic;
      wall += elapsed;
      const most = elapsed * SLEW;
      wall += Math.min(Math.max(clock.now() - wall, -most), most);
      return Math.floor(wall);
    },
    monotonic: () => clock.monotonic(),
    after: (ms, callback) => clock.after(ms, callback),
  };
}
