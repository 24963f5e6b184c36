import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { AgentState } from './agent-state.ts';
import type { HeldAttempt } from './held-attempt.ts';

/** The diagnostic log with the ids of an attempt in each line. */
export function logOf({ ports }: AgentState, { id, meta }: HeldAttempt): DiagnosticLog {
  return ports.log.child({ attempt: id, run: meta.run, job: meta.job }, (text) => text);
}
