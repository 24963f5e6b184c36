import type { StagedJob } from './read-stages.ts';

export interface StageWaits {
  readonly waitsFor: readonly string[];
  readonly startsAfter: readonly string[];
}

/**
 * What each job of the stages waits for, by its id: every job of a lower stage without `run-until-stage`, and every job of a
 * lower stage whose `run-until-stage` is a stage that exists and is not above its own. What follows from the rest is left
 * out. Of the jobs of lower stages that it does not wait for, it waits until they have started.
 */
export function stageWaits(jobs: readonly StagedJob[]): ReadonlyMap<string, StageWaits> {
  const numbers = [...new Set(jobs.map(({ stage }) => stage))].sort((a, b) => a - b);
  const inStage = new Map<number, StagedJob[]>(numbers.map((number) => [number, []]));
  for (const job of jobs) inStage.get(job.stage)?.push(job);
  const waits = new Map<string, StageWaits>();
  let seen: Seen = { barrier: null, awaited: [], open: [] };
  for (const stage of numbers) {
    const own = inStage.get(stage) ?? [];
    const due = seen.open.filter(({ until }) => until === stage);
    const awaited = [...seen.awaited, ...due];
    const open = seen.open.filter(({ until }) => until !== stage);
    // All jobs of a stage wait for the same, in the same list.
    const shared = { waitsFor: reduce(seen.barrier, awaited), startsAfter: idsOf(open) };
    for (const { id } of own) waits.set(id, shared);
    const barrier = own.filter(({ until }) => until === null);
    const deferred = own.filter(({ until }) => until !== null);
    seen =
      barrier.length > 0
        ? { barrier: { stage, jobs: barrier }, awaited: [], open: [...open, ...deferred] }
        : { barrier: seen.barrier, awaited, open: [...open, ...deferred] };
  }
  return waits;
}

interface Seen {
  /** The last stage that the next ones wait for. */
  readonly barrier: { readonly stage: number; readonly jobs: readonly StagedJob[] } | null;
  /** Jobs that ran until a stage since then. */
  readonly awaited: readonly StagedJob[];
  /** Jobs that run until a later stage, or for ever. */
  readonly open: readonly StagedJob[];
}

/** Leaves out what another one has waited for. Whoever is in a stage has waited for everything that was due until then. */
function reduce(barrier: Seen['barrier'], awaited: readonly StagedJob[]): readonly string[] {
  const latest = Math.max(...awaited.map(({ stage }) => stage));
  const left = awaited.filter(({ until }) => until !== null && until > latest);
  const implied = barrier !== null && latest > barrier.stage;
  return idsOf([...(barrier === null || implied ? [] : barrier.jobs), ...left]);
}

function idsOf(jobs: readonly StagedJob[]): readonly string[] {
  return jobs.map(({ id }) => id);
}
