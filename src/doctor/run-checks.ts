import type { Clock } from '../kernel/clock.ts';
import type { Check, Finding } from './check.ts';

/** What a check said. */
export interface CheckResult extends Finding {
  readonly id: string;
  readonly title: string;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/** Longer than everything that a check waits for within itself. */
export const CHECK_LIMIT_MS = 20_000;

/** Runs all at once, each with a limit of its own; the results are in the order given. Never rejects. */
export function runChecks(checks: readonly Check[], clock: Clock): Promise<readonly CheckResult[]> {
  return Promise.all(checks.map((check) => runCheck(check, clock)));
}

async function runCheck(check: Check, clock: Clock): Promise<CheckResult> {
  const startedAt = clock.monotonic();
  const controller = new AbortController();
  let cancelLimit: () => void = () => undefined;
  const limit = new Promise<Finding>((resolve) => {
    cancelLimit = clock.after(CHECK_LIMIT_MS, () => {
      controller.abort();
      resolve(LATE);
    });
  });
  const finding = await Promise.race([looked(check, controller.signal), limit]);
  cancelLimit();
  const { id, title } = check;
  return { id, title, ...finding, ms: Math.round(clock.monotonic() - startedAt) };
}

const LATE: Finding = {
  verdict: 'wrong',
  found: `It could not be looked at within ${CHECK_LIMIT_MS / 1_000} s.`,
  remedy: 'Look whether the machine is overloaded or a disk or network hangs, and try again.',
};

async function looked(check: Check, signal: AbortSignal): Promise<Finding> {
  try {
    return await check.run(signal);
  } catch (error) {
    // A check that fails says nothing about what it looks at.
    const why = error instanceof Error ? error.message : String(error);
    return { verdict: 'note', found: `It could not be looked at: ${why}.`, remedy: null };
  }
}
