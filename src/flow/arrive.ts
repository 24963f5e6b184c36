import type { JsonMap } from '../protocol/job-message.ts';
import { keepsArrivals, joinOf } from './consider-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended, JobState } from './flow-state.ts';
import { jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
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
  draft.jobs.update(path, { succeeded });
  const job = draft.jobs.get(path);
  const times = isSuccess ? spawnOf(draft, key) : 1;
  for (const dependant of before.dependants) {
    const other = draft.jobs.get(dependant);
    if (!counts(draft, other, before) && counts(draft, other, job))
      draft.jobs.update(dependant, { successes: other.successes + 1 });
    queueArrivals(draft, dependant, job, path, { ended, outputs, times });
    draft.push({ kind: 'consider', job: dependant });
  }
}

function queueArrivals(
  draft: FlowDraft,
  dependant: string,
  { id }: JobState,
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
  const arrival = { need, id, result: conclusion, isSuccess: conclusion === 'success' && isCounted, outputs };
  const added = Array.from({ length: join.mode === 'each' ? times : 1 }, () => ({ ...arrival }));
  const queue = [...(other.arrivals.queues[need] ?? []), ...added];
  draft.jobs.update(dependant, {
    arrivals: { ...other.arrivals, queues: { ...other.arrivals.queues, [need]: queue } },
  });
}

function spawnOf(draft: FlowDraft, key: string): number {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const template = draft.planOf(job).flow?.spawn ?? null;
  if (template === null) return 1;
  const contexts = { ...jobContexts(draft, job, iteration), outputs: iteration.outputs };
  const count = attempt(() => evaluateCount('spawn', template, { contexts }));
  return count.kind === 'value' && count.value !== null ? Math.max(0, Math.floor(count.value)) : 1;
}
