import type { FlowDraft } from './flow-draft.ts';
import type { InstanceState, IterationState, JobState } from './flow-state.ts';
import { iterationKey, pathIn } from './keys.ts';

/** What is before the name of a section, and before its scope, where it holds a lock. */
export const SECTION = 'section:';

/**
 * Whether something can only come to its end after a job has come to its own: over needs, locks, milestones and what it
 * calls. A job that waited for it would wait for ever. Looked at only when a job begins to wait.
 * @param first Whose end is waited for: the path of a job, or who holds a lock.
 * @param path Of the job that waits.
 */
export function waitsForEndOf(draft: FlowDraft, first: Wait, path: string): boolean {
  let known: ReadonlyMap<string, string> | null = null;
  // Most who hold a lock run, and nothing of this has to be known.
  const holderBefore: FindHolder = (key) => (known ??= holdersByWaiter(draft)).get(key) ?? null;
  const seen = new Set<string>();
  const open = [first];
  for (let wait = open.pop(); wait !== undefined; wait = open.pop()) {
    if ('job' in wait && wait.job === path) return true;
    const id = 'job' in wait ? `job ${wait.job}` : `holder ${wait.holder}`;
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(
      ...('job' in wait ? beforeJob(draft, wait.job, holderBefore) : beforeHolder(draft, wait.holder, holderBefore)),
    );
  }
  return false;
}

/** Who has the lock that somebody waits for. */
type FindHolder = (waiter: string) => string | null;

function holdersByWaiter(draft: FlowDraft): ReadonlyMap<string, string> {
  const holders = new Map<string, string>();
  for (const [, { holder, waiting }] of draft.locks.entries()) for (const { key } of waiting) holders.set(key, holder);
  return holders;
}

export type Wait = { readonly job: string } | { readonly holder: string };

/** What has to end before the job can. */
function beforeJob(draft: FlowDraft, path: string, holderBefore: FindHolder): Wait[] {
  const job = draft.jobs.get(path);
  if (job.phase === 'settled') return [];
  const mode = draft.planOf(job).flow?.join.mode ?? 'all';
  // One that takes some of its needs does not wait for each of them.
  const needs = mode === 'count' || job.jump !== null ? [] : job.needs;
  const waits: Wait[] = needs.flatMap((need) => (need.path === null ? [] : [{ job: need.path }]));
  for (let number = 1; number <= job.iterations; number++) {
    const key = iterationKey(path, number);
    const iteration = draft.iterations.find(key);
    if (iteration !== null) waits.push(...beforeIteration(draft, key, iteration, job, holderBefore));
  }
  return waits;
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
        ...(holder === null ? [] : [{ holder }]),
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
  return holder === null ? [] : [{ holder }];
}

function beforeHolder(draft: FlowDraft, holder: string, holderBefore: FindHolder): Wait[] {
  if (holder.startsWith(SECTION)) {
    const [scope = '', name = ''] = holder.slice(SECTION.length).split('\n');
    return jobsOf(draft, scope).filter(({ job }) => draft.planOf(draft.jobs.get(job)).flow?.section?.name === name);
  }
  const instance = draft.instances.find(holder);
  return instance === null ? [] : beforeInstance(draft, holder, instance, holderBefore);
}

function jobsOf(draft: FlowDraft, scope: string): { readonly job: string }[] {
  return (draft.scopes.find(scope)?.jobs ?? []).map((job) => ({ job }));
}
