import type { AgentState } from './agent-state.ts';
import type { AgentStatus } from './agent-ports.ts';

/** Least time between two reports. */
const GAP_MS = 1_000;

/** Reports how the agent stands whenever that has changed. */
export async function runStatusLoop(state: AgentState): Promise<void> {
  let last = '';
  while (!state.isOver()) {
    const status = statusOf(state);
    const text = JSON.stringify(status);
    if (text !== last) state.ports.report(status);
    last = text;
    await state.untilOrAfter(() => false, GAP_MS);
  }
  state.ports.report(statusOf(state));
}

export function statusOf(state: AgentState): AgentStatus {
  const { session, settings, attempts, lastSync } = state;
  const jobs = attempts.open.map((attempt) => ({
    attempt: attempt.id,
    run: attempt.meta.run,
    job: attempt.meta.job,
    state: attempt.phase,
    records: attempt.unsentRecords,
    logBytes: attempt.unsentBytes,
  }));
  return { ...conditionOf(state), session: session?.key.session ?? null, slots: settings.slots, jobs, lastSync };
}

function conditionOf(state: AgentState): Pick<AgentStatus, 'state' | 'note'> {
  if (state.exit !== null) return { state: 'ended', note: state.exit.message };
  if (state.session === null) return { state: 'connecting', note: null };
  if (state.stage !== 'work') return { state: 'draining', note: null };
  const problem = state.health?.problem ?? null;
  if (problem !== null) return { state: 'unhealthy', note: problem.message };
  if (state.paused) return { state: 'paused', note: 'paused on the server' };
  return { state: state.attempts.busySlots > 0 ? 'busy' : 'idle', note: null };
}
