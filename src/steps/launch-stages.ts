import type { Clock } from '../kernel/clock.ts';
import { AbortScope, causeOf } from '../kernel/cancellation.ts';
import { sleep } from '../kernel/clock.ts';
import type { StepPlan, StepsJobPlan } from '../protocol/plan.ts';

/** What a job says about one of its stages. */
type Stages = NonNullable<StepsJobPlan['stages']>;

export function stageOf(plan: StepPlan): number | null {
  return plan.kind === 'run' || plan.kind === 'uses' ? (plan.stage ?? null) : null;
}

/**
 * Starts neighbouring steps stage by stage: lower numbers first, those of one number in declared order, with the stage's
 * delays around them. Nothing is waited for in between. A cancelled job does not wait for delays.
 */
export async function launchStages<T extends { readonly plan: StepPlan }>(
  steps: readonly T[],
  { stages, clock, cancel, kill }: { stages: Stages; clock: Clock; cancel: AbortSignal; kill: AbortSignal },
  start: (step: T) => Promise<void>,
): Promise<void> {
  const wait = new AbortScope(cancel);
  const onKill = (): void => wait.cancel(causeOf(kill));
  if (kill.aborted) onKill();
  kill.addEventListener('abort', onKill, { once: true });
  const pause = async (ms: number): Promise<void> => {
    if (ms > 0) await sleep(clock, ms, wait.signal).catch(() => undefined);
  };
  const numbers = [...new Set(steps.map(({ plan }) => stageOf(plan) ?? 0))].sort((a, b) => a - b);
  try {
    for (const number of numbers) {
      const { delayBeforeMs, delayAfterMs } = stages[number] ?? NO_DELAYS;
      await pause(delayBeforeMs);
      for (const step of steps) if ((stageOf(step.plan) ?? 0) === number) await start(step);
      await pause(delayAfterMs);
    }
  } finally {
    kill.removeEventListener('abort', onKill);
    wait.dispose();
  }
}

const NO_DELAYS = { delayBeforeMs: 0, delayAfterMs: 0 };
