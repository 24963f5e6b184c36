import { launchInstance, startInstance } from './advance-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import { passGate } from './main-part.ts';
import { isDeadline } from './start-deadline.ts';

/** Nothing starts from now on; what runs goes on. */
export function pauseRun(draft: FlowDraft): void {
  draft.paused = { held: [], fired: [] };
  draft.commands.push({ kind: 'run-paused', paused: true });
}

/**
 * What was to start before a time that has passed does not. What was held starts in the order in which it would have,
 * then what the other timers meanwhile asked for happens.
 */
export function resumeRun(draft: FlowDraft): void {
  const { paused } = draft;
  if (paused === null) return;
  draft.paused = null;
  draft.commands.push({ kind: 'run-paused', paused: false });
  for (const id of paused.fired) if (isDeadline(id)) draft.push({ kind: 'timer', id });
  for (const key of paused.held) draft.push({ kind: 'release', key });
  for (const id of paused.fired) if (!isDeadline(id)) draft.push({ kind: 'timer', id });
}

/** What has ended meanwhile is left as it is. */
export function releaseHeld(draft: FlowDraft, key: string): void {
  const status = draft.instances.find(key)?.status.kind;
  if (status === 'launching') launchInstance(draft, key);
  else if (status === 'retrying') startInstance(draft, key);
  else if (status === undefined && draft.iterations.find(key)?.stage.kind === 'main') {
    const plan = draft.planOfIteration(key);
    if (plan.kind === 'gate') passGate(draft, key, plan);
  }
}
