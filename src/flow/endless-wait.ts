import { joinOf, keepsArrivals } from './consider-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { InstanceState } from './instance-state.ts';
import type { IterationState } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import { iterationKey, pathIn } from './keys.ts';
import { isSection, sectionMembers } from './section-members.ts';

/**
 * Whether something can only come to its end after a job has come to its own: over needs, locks, milestones and what it
 * calls. A job that waited for it would wait for ever. Looked at only when a job begins to wait.
 * @param first Whose end is waited for: the path of a job, or who holds a lock.
 * @param path Of the job that waits.
 */
export function waitsForEndOf(draft: FlowDraft, first: Wait, path: string): boolean {
  let known: ReadonlyMap<string, Holder> | null = null;
  // Most who hold a lock run, and nothing of this has to be known.
  const holderBefore: FindHolder = (key) => (known ??= holdersByWaiter(draft)).get(key) ?? null;
  const waiter = idOf({ job: path });
  const users = new Map<string, { readonly user: string; spare: number }[]>();
  const seen = new Set<string>();
  const open = [first];
  for (let wait = open.pop(); wait !== undefined; wait = open.pop()) {
    const user = idOf(wait);
    if (seen.has(user)) continue;
    seen.add(user);
    if (user === waiter) continue;
    const before =
      'job' in wait ? beforeJob(draft, wait.job, holderBefore) : [all(beforeHolder(draft, wait, holderBefore))];
    for (const { of, spare } of before) {
      const use = { user, spare };
      for (const other of of) users.set(idOf(other), [...(users.get(idOf(other)) ?? []), use]);
      open.push(...of);
    }
  }
  if (!seen.has(waiter)) return false;
  const stuck = new Set([waiter]);
  // A set that is iterated also gives what is added meanwhile.
  for (const id of stuck) for (const use of users.get(id) ?? []) if (use.spare-- === 0) stuck.add(use.user);
  return stuck.has(idOf(first));
}

export type Wait = { readonly job: string } | Holder;

/** Who has a lock. */
interface Holder {
  readonly holder: string;
  readonly lock: string;
}

/** Things that have to end; so many of them need not. */
interface Waits {
  readonly of: readonly Wait[];
  readonly spare: number;
}

function all(of: readonly Wait[]): Waits {
  return { of, spare: 0 };
}

function idOf(wait: Wait): string {
  return 'job' in wait ? `job ${wait.job}` : `holder ${wait.lock}\n${wait.holder}`;
}

/** Who has the lock that somebody waits for. */
type FindHolder = (waiter: string) => Holder | null;

function holdersByWaiter(draft: FlowDraft): ReadonlyMap<string, Holder> {
  const holders = new Map<string, Holder>();
  for (const [lock, { holder, waiting }] of draft.locks.entries())
    for (const { key } of waiting) holders.set(key, { holder, lock });
  return holders;
}

/** What has to end before the job can. */
function beforeJob(draft: FlowDraft, path: string, holderBefore: FindHolder): Waits[] {
  const job = draft.jobs.get(path);
  if (job.phase === 'settled') return [];
  const waits = needsBefore(draft, job);
  for (let number = 1; number <= job.iterations; number++) {
    const key = iterationKey(path, number);
    const iteration = draft.iterations.find(key);
    if (iteration !== null) waits.push(all(beforeIteration(draft, key, iteration, job, holderBefore)));
  }
  return waits;
}

function needsBefore(draft: FlowDraft, job: JobState): Waits[] {
  const join = joinOf(draft, job);
  if (job.jump !== null || (job.phase === 'open' && !keepsArrivals(join))) return [];
  const needs = job.needs.flatMap(({ path }) => (path === null || isOver(draft, path) ? [] : [{ job: path }]));
  if (join.mode !== 'count' || join.late === 'queue') return [all(needs)];
  // One that takes some of its needs does not wait for each of them.
  return [{ of: needs, spare: Math.max(needs.length - (join.count - job.successes), 0) }];
}

function isOver(draft: FlowDraft, path: string): boolean {
  const { phase, told } = draft.jobs.get(path);
  return phase === 'settled' || told;
}

function beforeIteration(
  draft: FlowDraft,
  key: string,
  iteration: IterationState,
  job: JobState,
  holderBefore: FindHolder,
): Wait[] {
  switch (iteration.stage.kind) {
    case 'gates': {
      const holder = holderBefore(key);
      const { milestone = null } = draft.planOf(job).flow ?? {};
      const other = milestone === null ? null : pathIn(job.scope, milestone.job);
      return [
        ...(holder === null ? [] : [holder]),
        ...(other === null || draft.jobs.find(other) === null ? [] : [{ job: other }]),
      ];
    }
    case 'main':
      return [
        ...jobsOf(draft, `${key}@${iteration.round.number}`),
        ...iteration.instances.flatMap((instance) =>
          beforeInstance(draft, instance, draft.instances.get(instance), holderBefore),
        ),
      ];
    case 'around':
      return jobsOf(draft, `${key}@${iteration.stage.phase}`);
    case 'delay-after':
    case 'ended':
      return [];
  }
}

function beforeInstance(draft: FlowDraft, key: string, { status }: InstanceState, holderBefore: FindHolder): Wait[] {
  if (status.kind === 'calling') return jobsOf(draft, key);
  const holder = status.kind === 'launching' ? holderBefore(key) : null;
  return holder === null ? [] : [holder];
}

function beforeHolder(draft: FlowDraft, { holder, lock }: Holder, holderBefore: FindHolder): Wait[] {
  if (isSection(holder)) return sectionMembers(draft, holder, lock).map((job) => ({ job }));
  const instance = draft.instances.find(holder);
  return instance === null ? [] : beforeInstance(draft, holder, instance, holderBefore);
}

function jobsOf(draft: FlowDraft, scope: string): { readonly job: string }[] {
  return (draft.scopes.find(scope)?.jobs ?? []).map((job) => ({ job }));
}
