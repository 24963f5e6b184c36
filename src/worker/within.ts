import type { Clock } from '../kernel/clock.ts';

/** Waits for `work`, but not longer than `ms`. What comes late is not looked at; it must not reject then. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | 'late'> {
  let disarm = (): void => undefined;
  const late = new Promise<'late'>((resolve) => {
    disarm = clock.after(ms, () => resolve('late'));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    disarm();
  }
}
