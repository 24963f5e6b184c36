import type { AgentState } from './agent-state.ts';
import { isPastLease } from './attempt-life.ts';
import type { HeldAttempt } from './held-attempt.ts';

/** Timers stand still while a machine is suspended, the clock does not: so it is looked at often. */
const LOOK_MS = 500;

/** Kills `exclusive` jobs whose lease runs out because the server does not answer: it may give them to somebody else. */
export async function runLeaseLoop(state: AgentState): Promise<void> {
  const guarded = (): readonly HeldAttempt[] =>
    state.attempts.open.filter(({ phase, meta }) => meta.policy === 'exclusive' && phase === 'running');
  while (!state.isOver()) {
    await state.until(() => guarded().length > 0);
    for (const attempt of guarded()) {
      if (attempt.fate !== null || !isPastLease(state, attempt)) continue;
      attempt.doom({
        kind: 'lost',
        cause: 'lease-expired',
        why: 'the server was not heard of for the time of its lease',
      });
      state.wake();
    }
    await state.untilOrAfter(() => guarded().length === 0, LOOK_MS);
  }
}
