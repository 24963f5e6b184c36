import type { AgentState } from './agent-state.ts';

/** Looks now and then whether work may be taken; what runs goes on whatever it finds. */
export async function runHealthLoop(state: AgentState): Promise<void> {
  const { ports, settings } = state;
  while (!state.isOver()) {
    const before = state.health?.problem?.message ?? null;
    const problem = await ports.health();
    if (problem !== null && problem.message !== before) ports.log.warn(`takes no work: ${problem.message}`);
    else if (problem === null && before !== null) ports.log.info('takes work again');
    state.health = { problem };
    state.wake();
    await state.untilOrAfter(() => false, settings.healthIntervalMs);
  }
}
