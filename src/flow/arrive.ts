import type { JsonMap } from '../protocol/job-message.ts';
import { keepsArrivals, joinOf } from './consider-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import { jobContexts } from './job-contexts.ts';
import { type Attempt, attempt, KeyProblem } from './key-problem.ts';
import { addArrival } from './rounds.ts';
import { isFull, isSpent } from './run-limits.ts';
import { counts } from './settle-job.ts';
import { evaluateCount } from './typed-value.ts';

/** An iteration has come to its end, or says so early: its dependants hear of it. */
export function arrive(draft: FlowDraft, key: string, ended: Ended, outputs: JsonMap): void {
  const { job: path } = draft.iterations.get(key);
  const before = draft.jobs.get(path);
  const { conclusion, reason } = ended;
  const isSuccess = conclusion === 'success';
  const succeeded =
    !isSuccess || before.succeeded === 'yes' ? before.succeeded : reason === 'failure-ignored' ? 'ignored' : 'yes';
  if (succeeded !== before.succeeded) draft.jobs.update(path, { succeeded });
  // A run that is about to be stopped has no use for more of them.
  else if (isSpent(draft)) {
    draft.isCut = true;
    return;
  }
  const job = draft.jobs.get(path);
  const times = isSuccess ? timesOf(draft, key) : 1;
  const hasRoom = !isOverfilled(draft, key, ended);
  draft.work += before.dependants.length;
  for (const dependant of before.dependants) {
    const other = draft.jobs.get(dependant);
    const join = joinOf(draft, other);
    if (!counts(draft, other, before) && counts(draft, other, job))
      draft.jobs.update(dependant, { successes: other.successes + 1 });
    if (hasRoom) queueArrivals(draft, dependant, job, path, { ended, outputs, times });
    // The others hear of it when no end of this one can come any more.
    if (join.mode === 'count' || keepsArrivals(join)) draft.push({ kind: 'consider', job: dependant });
  }
}

function queueArrivals(
  draft: FlowDraft,
  dependant: string,
  job: JobState,
  need: string,
  { ended, outputs, times }: { readonly ended: Ended; readonly outputs: JsonMap; readonly times: number },
): void {
  const other = draft.jobs.get(dependant);
  const join = joinOf(draft, other);
  if (!keepsArrivals(join) || other.phase === 'settled' || other.untaken.includes(need)) return;
  const { conclusion, reason } = ended;
  // What was never there does not arrive.
  if (conclusion === 'skipped' || conclusion === 'withdrawn') return;
  if (conclusion !== 'success' && join.mode === 'each' && join.batch > 1) return;
  const isCounted = reason !== 'failure-ignored' || join.mode !== 'count' || join.countIgnoredFailures;
  const arrival = { need, id: job.id, result: conclusion, isSuccess: conclusion === 'success' && isCounted, outputs };
  const count = join.mode === 'each' ? times : 1;
  draft.work += count;
  for (let time = 0; time < count; time++) addArrival(draft, dependant, join, job, arrival);
}

/** Whether the run has no room for the arrivals of an end of the iteration. */
export function isOverfilled(draft: FlowDraft, key: string, { conclusion }: Ended): boolean {
  const { scope, dependants } = draft.jobs.get(draft.iterations.get(key).job);
  const times = conclusion === 'success' ? timesOf(draft, key) : 1;
  if (!isFull(draft, scope, dependants.length * times)) return false;
  const joins = dependants.map((dependant) => joinOf(draft, draft.jobs.get(dependant))).filter(keepsArrivals);
  return joins.length > 0 && isFull(draft, scope, joins.length * times);
}

function timesOf(draft: FlowDraft, key: string): number {
  const spawn = spawnOf(draft, key);
  return spawn.kind === 'value' ? spawn.value : 1;
}

/** How many times a success of the iteration begins dependants that begin once for each arrival. */
export function spawnOf(draft: FlowDraft, key: string): Attempt<number> {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const template = draft.planOf(job).flow?.spawn ?? null;
  if (template === null) return ONCE;
  const contexts = { ...jobContexts(draft, job, iteration), outputs: iteration.outputs };
  return attempt(() => {
    const count = evaluateCount('spawn', template, { contexts }) ?? 1;
    if (Number.isInteger(count) && count >= 0 && count <= MAX_SPAWN) return count;
    throw new KeyProblem(`\`spawn\` takes a whole number from 0 to ${MAX_SPAWN}, but it is ${count}.`);
  });
}

const ONCE: Attempt<number> = { kind: 'value', value: 1 };
/** More jobs than that a run does not have. */
const MAX_SPAWN = 10_000;
