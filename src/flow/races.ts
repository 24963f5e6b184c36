import { evaluateText } from '../expressions/evaluate.ts';
import type { FlowDraft } from './flow-draft.ts';
import { jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
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
  const scope = draft.scopes.get(job.scope);
  const winner = Object.hasOwn(scope.races, race) ? scope.races[race] : undefined;
  if (winner === path) return true;
  if (winner !== undefined) {
    withdrawIteration(draft, key, { conclusion: 'withdrawn', reason: 'race' });
    return false;
  }
  draft.scopes.update(job.scope, { races: { ...scope.races, [race]: path } });
  draft.work += Math.floor(scope.jobs.length / JOBS_PER_STEP);
  for (const other of scope.jobs)
    if (other !== path && draft.jobs.get(other).phase !== 'settled' && raceOf(draft, other) === race)
      withdrawJob(draft, other, { conclusion: 'withdrawn', reason: 'race' });
  return true;
}

function raceOf(draft: FlowDraft, path: string): string | null {
  const job = draft.jobs.get(path);
  const race = draft.planOf(job).flow?.race ?? null;
  if (race === null) return null;
  if (typeof race === 'string' && !race.includes('${{')) return race === '' ? null : race;
  const name = attempt(() => evaluateText(race, { contexts: jobContexts(draft, job, null) }));
  return name.kind === 'value' && name.value !== '' ? name.value : null;
}
