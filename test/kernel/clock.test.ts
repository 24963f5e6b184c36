import { describe, expect, it } from '@jest/globals';
import { AbortScope, Cancellation } from '../../src/kernel/cancellation.ts';
import { sleep, systemClock, type Clock } from '../../src/kernel/clock.ts';

/** A clock that only remembers what was asked of it. */
function recorder(): { clock: Clock; pending: Set<() => void> } {
  const pending = new Set<() => void>();
  return {
    pending,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after(_, callback) {
        pending.add(callback);
        return () => pending.delete(callback);
      },
    },
  };
}

describe('sleep', () => {
  it('resolves when its time has come and lets go of the signal', async () => {
    const { clock, pending } = recorder();
    const scope = new AbortScope();
    const slept = sleep(clock, 10, scope.signal);
    for (const callback of pending) callback();
    await expect(slept).resolves.toBeUndefined();
  });

  it('rejects with the reason of the signal and cancels its timer', async () => {
    const { clock, pending } = recorder();
    const scope = new AbortScope();
    const slept = sleep(clock, 10, scope.signal);
    scope.cancel('user');
    await expect(slept).rejects.toBeInstanceOf(Cancellation);
    expect(pending.size).toBe(0);
  });

  it('does not start when the signal has been aborted', async () => {
    const { clock, pending } = recorder();
    const scope = new AbortScope();
    scope.cancel('user');
    await expect(sleep(clock, 10, scope.signal)).rejects.toBeInstanceOf(Cancellation);
    expect(pending.size).toBe(0);
  });
});

describe('systemClock', () => {
  it('calls back once, and not after it was cancelled', async () => {
    let calls = 0;
    const cancel = systemClock.after(0, () => calls++);
    cancel();
    await new Promise<void>((resolve) => {
      systemClock.after(1, resolve);
    });
    expect(calls).toBe(0);
  });

  it('does not fire at once for a delay that a Node.js timer cannot hold', async () => {
    let fired = false;
    const cancel = systemClock.after(2 ** 33, () => (fired = true));
    await new Promise<void>((resolve) => {
      systemClock.after(5, resolve);
    });
    cancel();
    expect(fired).toBe(false);
  });
});
