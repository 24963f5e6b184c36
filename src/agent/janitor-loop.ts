import type { AgentState } from './agent-state.ts';
import { logOf } from './attempt-log.ts';
import type { HeldAttempt } from './held-attempt.ts';

const LOOK_MS = 60_000;

/**
 * Removes the folders of attempts that are over, after the time for which they are kept; at once, where work is held up
 * for want of room, those of which the server has all.
 */
export async function runJanitorLoop(state: AgentState): Promise<void> {
  const { ports, settings, attempts } = state;
  while (!state.isOver()) {
    const now = ports.clock.now();
    const isDue = ({ isOver, phase, meta }: HeldAttempt): boolean =>
      isOver &&
      meta.over !== null &&
      (now - meta.over >= settings.keepJournalMs || (isCramped(state) && phase === 'done'));
    for (const attempt of attempts.all.filter(isDue)) {
      try {
        await attempt.folder.remove();
        attempts.remove(attempt);
      } catch (error) {
        logOf(state, attempt).warn(`the attempt's folder cannot be removed: ${String(error)}`);
      }
    }
    await state.untilOrAfter(() => false, LOOK_MS);
  }
}

function isCramped({ health }: AgentState): boolean {
  return health?.problem?.kind === 'disk';
}
