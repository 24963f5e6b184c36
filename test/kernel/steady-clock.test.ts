import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../src/kernel/clock.ts';
import { steadyClock } from '../../src/kernel/steady-clock.ts';

const MINUTE = 60_000;

class SetClock implements Clock {
  wall = 1_000_000;
  elapsed = 0;
  now = (): number => this.wall;
  monotonic = (): number => this.elapsed;
  after = (): (() => void) => () => undefined;

  pass(ms: number): void {
    this.wall += ms;
    this.elapsed += ms;
  }
}

describe('a steady clock', () => {
  it('is the wall clock while nobody sets that', () => {
    const clock = new SetClock();
    const steady = steadyClock(clock);
    for (let n = 0; n < 10; n++) {
      expect(steady.now()).toBe(clock.wall);
      clock.pass(MINUTE);
    }
  });

  it.each([3_600_000, -3_600_000])('goes on evenly when the wall clock jumps by %i ms', (jump) => {
    const clock = new SetClock();
    const steady = steadyClock(clock);
    const before = steady.now();
    clock.wall += jump;
    expect(steady.now()).toBe(before);
    clock.pass(MINUTE);
    expect(steady.now() - before).toBe(MINUTE + Math.sign(jump) * 0.1 * MINUTE);
  });

  it.each([30_000, -30_000])('has reached the new time in the end: %i ms', (jump) => {
    const clock = new SetClock();
    const steady = steadyClock(clock);
    clock.wall += jump;
    let last = steady.now();
    for (let n = 0; n < 10; n++) {
      clock.pass(MINUTE);
      expect(steady.now()).toBeGreaterThan(last);
      last = steady.now();
    }
    expect(last).toBe(clock.wall);
  });
});
