import { applyContinueOnError } from './conclusions.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowEvent } from './flow-event.ts';
import type { Ended } from './iteration-state.ts';
import { firstAttempt } from './key-suffix.ts';
import { retry } from './retry.ts';
import { addOutputs, settleInstance } from './settle-instance.ts';
import { lookAgain } from './watchers.ts';

/** A worker has begun. */
export function instanceStarted(draft: FlowDraft, started: string): void {
  const key = firstAttempt(started);
  const instance = draft.instances.find(key);
  if (instance?.status.kind !== 'running' || instance.status.started !== started || instance.status.seen) return;
  draft.instances.update(key, { status: { ...instance.status, seen: true } });
  lookAgain(draft, draft.jobs.get(instance.job));
}

/** A worker reports the end of a job. Anything but the first report of a running instance changes nothing. */
export function completeInstance(draft: FlowDraft, event: FlowEvent & { kind: 'job-completed' }): void {
  const key = firstAttempt(event.key);
  const instance = draft.instances.find(key);
  if (instance?.status.kind !== 'running' || instance.status.started !== event.key) return;
  if (instance.settings.kind !== 'steps') return;
  const { fate } = instance.status;
  if (fate === null && retry(draft, key, event)) return;
  const reported: Ended = applyContinueOnError(event, instance.settings.continueOnError);
  const ended = fate ?? reported;
  if (ended.conclusion !== reported.conclusion || ended.reason !== reported.reason)
    draft.commands.push({ kind: 'job-concluded', key: event.key, ...ended, message: null });
  addOutputs(draft, instance.iteration, event.outputs);
  const goto = event.wish?.goto ?? null;
  if (goto !== null && fate === null) draft.iterations.update(instance.iteration, { goto });
  settleInstance(draft, key, ended, { announce: false, message: null });
}
