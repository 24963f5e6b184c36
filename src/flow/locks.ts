import { evaluateText } from '../expressions/evaluate.ts';
import { launchInstance } from './advance-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { JobState, LockState } from './flow-state.ts';
import { jobContexts } from './job-contexts.ts';

export type Taken =
  | { readonly kind: 'taken' }
  | { readonly kind: 'waits'; readonly lock: string; readonly holder: string }
  | { readonly kind: 'endless'; readonly message: string };

/**
 * Locks of one run: one has it, the others wait in the order in which they came. Locks of `concurrency` and of `section`
 * with the same name are the same.
 */
export function takeLock(draft: FlowDraft, key: string, name: string): Taken {
  const { job } = draft.instances.get(key);
  const { scope } = draft.jobs.get(job);
  return take(draft, `${scope}\n${name}`, { holder: key, key });
}

/** For an iteration whose job is of a section: it has the lock as long as any job of the section is not settled. */
export function takeSection(draft: FlowDraft, key: string): Taken {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const section = draft.planOf(job).flow?.section ?? null;
  if (section === null) return { kind: 'taken' };
  const lock = evaluateText(section.lock, { contexts: jobContexts(draft, job, iteration) });
  return take(draft, `${job.scope}\n${lock}`, { holder: sectionOf(job.scope, section.name), key });
}

function sectionOf(scope: string, name: string): string {
  return `section:${scope}\n${name}`;
}

function take(draft: FlowDraft, lock: string, taker: LockState['waiting'][number]): Taken {
  const state = draft.locks.find(lock);
  const name = lock.slice(lock.indexOf('\n') + 1);
  if (state === null) {
    draft.locks.set(lock, { holder: taker.holder, waiting: [] });
    return { kind: 'taken' };
  }
  if (state.holder === taker.holder) return { kind: 'taken' };
  if (state.waiting.some(({ key }) => key === taker.key))
    return { kind: 'waits', lock: name, holder: shown(state.holder) };
  if (isEndless(draft, state.holder, taker))
    return {
      kind: 'endless',
      message: `It would wait for ever for the lock '${name}', which ${shown(state.holder)} has.`,
    };
  draft.locks.update(lock, { waiting: [...state.waiting, taker] });
  return { kind: 'waits', lock: name, holder: shown(state.holder) };
}

function shown(holder: string): string {
  return holder.startsWith('section:') ? `section ${holder.slice(holder.indexOf('\n') + 1)}` : holder;
}

/** Whether the holder of a lock waits, over others, for a lock that the taker has. */
function isEndless(draft: FlowDraft, first: string, taker: LockState['waiting'][number]): boolean {
  const own = ownersOf(draft, taker);
  const seen = new Set<string>();
  const open = [first];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (own.has(holder)) return true;
    if (seen.has(holder)) continue;
    seen.add(holder);
    for (const [, lock] of draft.locks.entries())
      if (lock.waiting.some((waiter) => ownersOf(draft, waiter).has(holder))) open.push(lock.holder);
  }
  return false;
}

/** What has locks on behalf of who waits: itself, and the section of its job. */
function ownersOf(draft: FlowDraft, { holder, key }: LockState['waiting'][number]): ReadonlySet<string> {
  const path = draft.instances.find(key)?.job ?? draft.iterations.find(key)?.job;
  const job = path === undefined ? null : draft.jobs.get(path);
  const section = job === null ? null : (draft.planOf(job).flow?.section ?? null);
  return new Set([holder, ...(job === null || section === null ? [] : [sectionOf(job.scope, section.name)])]);
}

/** Gives a lock back, or does not wait for it any more. */
export function releaseLock(draft: FlowDraft, key: string, name: string): void {
  const { job } = draft.instances.get(key);
  release(draft, `${draft.jobs.get(job).scope}\n${name}`, key);
}

function release(draft: FlowDraft, lock: string, holder: string): void {
  const state = draft.locks.find(lock);
  if (state === null) return;
  if (state.holder !== holder) {
    draft.locks.update(lock, { waiting: state.waiting.filter(({ key }) => key !== holder) });
    return;
  }
  // Those that ended while they waited have left already, or are passed over.
  const waiting = state.waiting.filter(({ key }) => stillWaits(draft, key));
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
      launchInstance(draft, key);
    } else draft.push({ kind: 'gate', iteration: key });
  }
}

function stillWaits(draft: FlowDraft, key: string): boolean {
  return draft.instances.find(key)?.status.kind === 'launching' || draft.iterations.find(key)?.stage.kind === 'gates';
}

/** A job is settled: its section gives its lock back when it was the last. */
export function releaseSection(draft: FlowDraft, path: string, job: JobState): void {
  const section = draft.planOf(job).flow?.section ?? null;
  if (section === null) return;
  const isOpen = draft.scopes.get(job.scope).jobs.some((other) => {
    const member = draft.jobs.get(other);
    return other !== path && member.phase !== 'settled' && draft.planOf(member).flow?.section?.name === section.name;
  });
  if (isOpen) return;
  const holder = sectionOf(job.scope, section.name);
  for (const [lock, state] of draft.locks.entries()) if (state.holder === holder) release(draft, lock, holder);
}
