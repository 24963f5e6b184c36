import { describe, expect, it } from '@jest/globals';
import { Pulse } from '../../src/kernel/pulse.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

describe('a pulse', () => {
  it('wakes all who wait, and only those whose condition holds go on', async () => {
    const pulse = new Pulse();
    let count = 0;
    const went: number[] = [];
    for (const enough of [1, 2]) void pulse.until(() => count >= enough).then(() => went.push(enough));
    count = 1;
    await settle();
    expect(went).toEqual([]);
    pulse.wake();
    await settle();
    expect(went).toEqual([1]);
    count = 2;
    pulse.wake();
    await settle();
    expect(went).toEqual([1, 2]);
  });

  it('does not keep whose condition holds already', async () => {
    await expect(new Pulse().until(() => true)).resolves.toBeUndefined();
  });

  it('bounds a wait by a timer, which a wake cancels', async () => {
    const clock = new FakeClock();
    const pulse = new Pulse();
    const next = (): Promise<void> => pulse.next((callback) => clock.after(10, callback));

    const woken = next();
    pulse.wake();
    await woken;
    expect(clock.pendingTimers).toBe(0);

    const late = next();
    await clock.advance(10);
    await late;
    pulse.wake();
    expect(clock.pendingTimers).toBe(0);
  });
});
