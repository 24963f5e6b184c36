import { cancelInstance } from './cancel.ts';
import { joinOf, keepsArrivals } from './consider-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { CancelJobCause } from './flow-event.ts';
import type { Ended } from './iteration-state.ts';
import { finishMain } from './end-iteration.ts';
import { endAtGate } from './gates.ts';
import { endUnbegun } from './settle-job.ts';
import { iterationKey } from './keys.ts';

/**
 * Ends a job as it is to count: what did not start does not, what runs is asked to end. False when it has ended already.
 */
export function withdrawJob(draft: FlowDraft, path: string, fate: Ended): boolean {
  const job = draft.jobs.get(path);
  if (job.phase === 'settled') return false;
  if (job.phase === 'pending') {
    endUnbegun(draft, path, { ...fate, reason: fate.reason ?? 'withdrawn', message: null });
    return true;
  }
  // All of it has ended, and it is settled next.
  if (job.live === 0 && !keepsArrivals(joinOf(draft, job))) return false;
  draft.jobs.update(path, { fate });
  draft.push({ kind: 'consider', job: path });
  for (let number = 1; number <= job.iterations; number++) {
    const key = iterationKey(path, number);
    const iteration = draft.iterations.find(key);
    if (iteration !== null && iteration.stage.kind !== 'ended' && !iteration.superseded)
      withdrawIteration(draft, key, fate);
  }
  return true;
}

export function withdrawIteration(draft: FlowDraft, key: string, fate: Ended): void {
  const iteration = draft.iterations.get(key);
  if (iteration.fate !== null) return;
  draft.iterations.update(key, { fate, closed: true });
  switch (iteration.stage.kind) {
    case 'gates':
      endAtGate(draft, key, fate, null);
      return;
    case 'main':
      for (const instance of iteration.instances) cancelInstance(draft, instance, causeOf(fate), false, fate);
      if (draft.scopes.find(`${key}@${iteration.round.number}`) !== null)
        withdrawScope(draft, `${key}@${iteration.round.number}`, fate);
      // Nothing of it has begun: it was held, or waits for instances.
      else if (iteration.instances.length === 0) finishMain(draft, key, fate, null);
      return;
    case 'around':
      if (iteration.stage.phase === 'before' || iteration.stage.phase === 'after')
        withdrawScope(draft, `${key}@${iteration.stage.phase}`, fate);
      return;
    case 'delay-after':
    case 'ended':
      return;
  }
}

/** All jobs of a round, of the jobs around a job, or of a called workflow. */
export function withdrawScope(draft: FlowDraft, scope: string, fate: Ended): void {
  for (const path of draft.scopes.find(scope)?.jobs ?? []) withdrawJob(draft, path, fate);
}

/** As a worker is told. */
export function causeOf({ conclusion, reason }: Ended): CancelJobCause {
  if (conclusion !== 'cancelled') return 'withdrawn';
  return reason === 'fail-fast' || reason === 'concurrency' ? reason : 'user';
}

/** A join has enough: the needs that have not ended, and what leads to them alone, are not wanted any more. */
export function withdrawLate(draft: FlowDraft, path: string): void {
  const late = new Set<string>();
  const open = draft.jobs.get(path).needs.flatMap((need) => need.path ?? []);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const job = draft.jobs.get(next);
    if (job.phase === 'settled' || late.has(next)) continue;
    if (job.dependants.every((dependant) => dependant === path || late.has(dependant))) {
      late.add(next);
      open.push(...job.needs.flatMap((need) => need.path ?? []));
    }
  }
  for (const other of late) withdrawJob(draft, other, { conclusion: 'withdrawn', reason: 'join' });
}
