import { MAX_MINUTES, RETRY_DEFAULTS } from '../protocol/flow-plan.ts';
import type { RetryPlan } from '../protocol/flow-plan.ts';
import { startInstance } from './advance-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowEvent } from './flow-event.ts';
import { isCancelled, jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { sayInstanceWaits } from './instance-waits.ts';
import { evaluateCount } from './typed-value.ts';
import { lookAgain } from './watchers.ts';

/** True when a job that failed gets another attempt: later, when its timer is over. */
export function retry(draft: FlowDraft, key: string, event: FlowEvent & { kind: 'job-completed' }): boolean {
  const asked = event.conclusion === 'failure' ? (event.wish?.retry ?? null) : null;
  const instance = draft.instances.get(key);
  const job = draft.jobs.get(instance.job);
  const plan = draft.planOf(job).flow?.retry ?? null;
  if (asked === null || plan === null || instance.status.kind !== 'running' || instance.status.cancelling !== null)
    return false;
  if (isCancelled(draft, job.scope)) return false;
  const { strategy, matrix } = instance;
  const contexts = { ...jobContexts(draft, job, draft.iterations.get(instance.iteration)), strategy, matrix };
  const limit = attempt(() => evaluateCount('retry.max-attempts', plan.maxAttempts, { contexts }));
  if (limit.kind === 'problem' || instance.attempt >= (limit.value ?? RETRY_DEFAULTS.maxAttempts)) return false;
  // Steps of any version say how long.
  const askedMs = Math.min(asked.afterMs ?? 0, MAX_MINUTES * 60_000);
  const afterMs = Math.max(delayOf(plan.backoff, instance.attempt, key), askedMs);
  draft.instances.update(key, {
    attempt: instance.attempt + 1,
    carried: { ...instance.carried, ...asked.state },
    status: { kind: 'retrying' },
  });
  draft.commands.push({ kind: 'set-timer', id: `${key}/retry`, afterMs, at: null });
  sayInstanceWaits(draft, key, { kind: 'time', why: 'retry' });
  lookAgain(draft, job);
  return true;
}

export function retryNow(draft: FlowDraft, key: string): void {
  if (draft.instances.find(key)?.status.kind !== 'retrying') return;
  if (draft.paused) draft.paused = { ...draft.paused, held: [...draft.paused.held, key] };
  else startInstance(draft, key);
}

/** Grows from attempt to attempt. What it differs by comes of the name, so that a run that is replayed is the same. */
function delayOf({ minMs, maxMs, factor, jitter }: RetryPlan['backoff'], attempts: number, key: string): number {
  // Nothing, however often it grew, which may be more than there are numbers for.
  const delay = minMs === 0 ? 0 : Math.min(minMs * factor ** (attempts - 1), maxMs);
  return Math.round(delay * (1 + jitter * (2 * shareOf(`${key} ${attempts}`) - 1)));
}

/** From 0 to 1, evenly spread over texts. */
function shareOf(text: string): number {
  let hash = 2_166_136_261;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
