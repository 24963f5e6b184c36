import { evaluateText } from '../expressions/evaluate.ts';
import type { JobPlan, Template } from '../protocol/plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import { jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { pathIn } from './keys.ts';
import { withdrawIteration, withdrawJob } from './withdraw.ts';

/** Looking at so many jobs is a step of work. */
const JOBS_PER_STEP = 20;

/**
 * The iteration is about to start: it wins the race of its job, and the others are withdrawn. False when another has won,
 * and it is withdrawn itself.
 */
export function claimRace(draft: FlowDraft, key: string): boolean {
  const { job: path } = draft.iterations.get(key);
  const job = draft.jobs.get(path);
  const race = raceOf(draft, path);
  if (race === null) return true;
  const winner = draft.races.find(raceKey(job.scope, race));
  if (winner === path) return true;
  if (winner !== null) {
    withdrawIteration(draft, key, { conclusion: 'withdrawn', reason: 'race' });
    return false;
  }
  draft.races.set(raceKey(job.scope, race), path);
  draft.jobs.update(path, { won: [...(job.won ?? []), race] });
  const { named, computed } = racersOf(draft.plansOf(draft.scopes.get(job.scope)));
  const rivals = [...(named.get(race) ?? []), ...computed].map((id) => pathIn(job.scope, id));
  draft.work += Math.floor(rivals.length / JOBS_PER_STEP);
  for (const other of rivals) {
    // The options may leave some out.
    const open = other === path ? null : draft.jobs.find(other);
    if (open !== null && open.phase !== 'settled' && raceOf(draft, other) === race)
      withdrawJob(draft, other, { conclusion: 'withdrawn', reason: 'race' });
  }
  return true;
}

/** Under which the winner of a race is kept. */
export function raceKey(scope: string, race: string): string {
  return `${scope}\n${race}`;
}

/** Ids of jobs with a race, in declared order: by its name, and those whose name is an expression. */
interface Racers {
  readonly named: ReadonlyMap<string, readonly string[]>;
  readonly computed: readonly string[];
}

/** Kept as long as the plans are, which never change: a race costs no more because the run is large. */
const known = new WeakMap<readonly JobPlan[], Racers>();

function racersOf(plans: readonly JobPlan[]): Racers {
  const before = known.get(plans);
  if (before !== undefined) return before;
  const named = new Map<string, string[]>();
  const computed: string[] = [];
  for (const { id, flow } of plans) {
    const race = flow?.race ?? null;
    if (race === null || race === '') continue;
    if (!isLiteral(race)) computed.push(id);
    else {
      const ids = named.get(race);
      if (ids === undefined) named.set(race, [id]);
      else ids.push(id);
    }
  }
  const racers = { named, computed };
  known.set(plans, racers);
  return racers;
}

function isLiteral(race: Template): race is string {
  return typeof race === 'string' && !race.includes('${{');
}

function raceOf(draft: FlowDraft, path: string): string | null {
  const job = draft.jobs.get(path);
  const race = draft.planOf(job).flow?.race ?? null;
  if (race === null) return null;
  if (isLiteral(race)) return race === '' ? null : race;
  const name = attempt(() => evaluateText(race, { contexts: jobContexts(draft, job, null) }));
  return name.kind === 'value' && name.value !== '' ? name.value : null;
}
