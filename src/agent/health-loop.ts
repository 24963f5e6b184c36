import type { AgentState } from './agent-state.ts';

/** Looks now and then whether work may be taken; what runs goes on whatever it finds. */
export async function runHealthLoop(state: AgentState): Promise<void> {
  const { ports, settings } = state;
  while (!state.isOver()) {
    const before = state.unhealthy;
    state.unhealthy = await ports.health();
    if (state.unhealthy !== null && state.unhealthy !== before) ports.log.warn(`takes no work: ${state.unhealthy}`);
    else if (state.unhealthy === null && before !== null) ports.log.info('may take work');
    state.wake();
    await state.untilOrAfter(() => false, settings.healthIntervalMs);
  }
}
