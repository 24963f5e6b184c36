import type { FlowDraft } from './flow-draft.ts';
import { endAtGate } from './gates.ts';
import { attempt } from './key-problem.ts';
import { endUnbegun, skipJob } from './settle-job.ts';
import { evaluateMinutes } from './typed-value.ts';
import { withdrawIteration } from './withdraw.ts';

const SUFFIX = '/within';

/**
 * A job begins to wait for its start, with its scope or by a jump back: `start-within-minutes` counts from now on, so
 * that it also ends a wait for needs. A job whose time cannot be evaluated fails.
 */
export function setDeadline(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  const template = draft.planOf(job).flow?.startWithinMinutes ?? null;
  if (template === null) return;
  const { github, vars } = draft.input.contexts;
  const { inputs, loop } = draft.scopes.get(job.scope);
  const afterMs = attempt(() =>
    evaluateMinutes('start-within-minutes', template, { contexts: { github, vars, inputs, loop } }),
  );
  if (afterMs.kind === 'problem') {
    endUnbegun(draft, path, { conclusion: 'failure', reason: 'condition-error', message: afterMs.message });
    return;
  }
  if (afterMs.value === null) return;
  const id = path + SUFFIX;
  if (draft.paused) draft.paused = { ...draft.paused, fired: draft.paused.fired.filter((other) => other !== id) };
  draft.commands.push({ kind: 'set-timer', id, afterMs: afterMs.value, at: null });
}

/** The job is settled. */
export function clearDeadline(draft: FlowDraft, path: string): void {
  if (draft.planOf(draft.jobs.get(path)).flow?.startWithinMinutes != null)
    draft.commands.push({ kind: 'clear-timer', id: path + SUFFIX });
}

export function isDeadline(timer: string): boolean {
  return timer.endsWith(SUFFIX);
}

/** What has not started by now does not. */
export function expire(draft: FlowDraft, path: string): void {
  const job = draft.jobs.find(path);
  if (job === null || job.phase === 'settled' || job.begun > 1) return;
  if (job.phase === 'pending') {
    skipJob(draft, path, 'expired');
    return;
  }
  const expired = { conclusion: 'skipped', reason: 'expired' } as const;
  const [waiting] = job.gated;
  const [first] = job.instances;
  if (waiting !== undefined) endAtGate(draft, waiting, expired, null);
  else if (first !== undefined && job.instances.every((instance) => isUnstarted(draft, instance)))
    withdrawIteration(draft, draft.instances.get(first).iteration, expired);
}

function isUnstarted(draft: FlowDraft, key: string): boolean {
  const { kind } = draft.instances.get(key).status;
  return kind === 'waiting' || kind === 'launching';
}
