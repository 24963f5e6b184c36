import { evaluateText } from '../expressions/evaluate.ts';
import { waitsForEndOf } from './endless-wait.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { LockState } from './flow-state.ts';
import { jobContexts } from './job-contexts.ts';
import { hasSections, isMember, isSection, sectionHolder, sectionMembers, sectionName } from './section-members.ts';

export type Taken =
  | { readonly kind: 'taken' }
  | { readonly kind: 'waits'; readonly lock: string; readonly holder: string }
  | { readonly kind: 'endless'; readonly message: string };

/**
 * Locks of one run: one has it, the others wait in the order in which they came. Locks of `concurrency` and of `section`
 * with the same name are the same.
 */
export function takeLock(draft: FlowDraft, key: string, name: string): Taken {
  return take(draft, name, { holder: key, key }, draft.instances.get(key).job);
}

/** For an iteration whose job is of a section: it has the lock as long as any job of the section is not settled. */
export function takeSection(draft: FlowDraft, key: string): Taken {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const section = draft.planOf(job).flow?.section ?? null;
  if (section === null) return { kind: 'taken' };
  // Compared without regard to case, like the names of groups.
  const lock = evaluateText(section.lock, { contexts: jobContexts(draft, job, iteration) }).toLowerCase();
  return take(draft, lock, { holder: sectionHolder(draft, job.scope, section), key }, iteration.job);
}

function take(draft: FlowDraft, lock: string, taker: LockState['waiting'][number], path: string): Taken {
  const state = draft.locks.find(lock);
  if (state === null) {
    draft.locks.set(lock, { holder: taker.holder, waiting: [] });
    return { kind: 'taken' };
  }
  if (state.holder === taker.holder) return { kind: 'taken' };
  if (state.waiting.some(({ key }) => key === taker.key)) return { kind: 'waits', lock, holder: shown(state.holder) };
  if (waitsForEndOf(draft, { holder: state.holder, lock }, path))
    return {
      kind: 'endless',
      message: `It would wait for ever for the lock '${lock}', which ${shown(state.holder)} has and gives back only after it.`,
    };
  draft.locks.update(lock, { waiting: [...state.waiting, taker] });
  return { kind: 'waits', lock, holder: shown(state.holder) };
}

function shown(holder: string): string {
  return isSection(holder) ? `section ${sectionName(holder)}` : holder;
}

/** Gives a lock back, or does not wait for it any more. */
export function releaseLock(draft: FlowDraft, key: string, name: string): void {
  release(draft, name, key);
}

function release(draft: FlowDraft, lock: string, holder: string): void {
  const state = draft.locks.find(lock);
  if (state === null) return;
  if (state.holder !== holder) {
    draft.locks.update(lock, { waiting: state.waiting.filter(({ key }) => key !== holder) });
    return;
  }
  // Those that ended while they waited have left already, or are passed over.
  const first = state.waiting.findIndex(({ key }) => stillWaits(draft, key));
  const waiting = first < 0 ? [] : state.waiting.slice(first);
  const [next] = waiting;
  if (!next) {
    draft.locks.delete(lock);
    return;
  }
  const same = waiting.filter((other) => other.holder === next.holder);
  draft.locks.set(lock, { holder: next.holder, waiting: waiting.filter((other) => other.holder !== next.holder) });
  for (const { key } of same) {
    if (draft.instances.find(key)?.status.kind === 'launching') {
      const { groupsHeld } = draft.instances.get(key);
      draft.instances.update(key, { groupsHeld: groupsHeld + 1 });
      draft.push({ kind: 'launch', key });
    } else draft.push({ kind: 'gate', iteration: key });
  }
}

function stillWaits(draft: FlowDraft, key: string): boolean {
  return draft.instances.find(key)?.status.kind === 'launching' || draft.iterations.find(key)?.stage.kind === 'gates';
}

/**
 * A job is settled, or is to be begun anew: a section in which it takes part gives its lock back when all of it has
 * ended, or nothing of it has begun.
 */
export function releaseSection(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  if (!hasSections(draft.planOf(job))) return;
  for (const [lock, { holder }] of draft.locks.entries())
    if (isSection(holder) && isMember(draft, job, holder, lock) && isLeft(draft, sectionMembers(draft, holder, lock)))
      release(draft, lock, holder);
}

function isLeft(draft: FlowDraft, paths: readonly string[]): boolean {
  let isEntered = false;
  let isPending = false;
  // From the last on: jobs mostly end in the order in which they began, and the first that goes on is enough.
  for (const path of paths.toReversed()) {
    const { phase, dying, result } = draft.jobs.get(path);
    if (phase === 'open' || dying > 0) return false;
    isEntered ||= result !== null && result !== 'skipped' && result !== 'withdrawn';
    isPending ||= phase === 'pending';
  }
  return !isEntered || !isPending;
}
