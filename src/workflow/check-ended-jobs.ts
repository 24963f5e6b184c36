import { usesStatusFunction } from '../expressions/evaluate.ts';
import { quote } from '../expressions/quote.ts';
import { joinMode } from './check-join.ts';
import { REGION } from './check-targets.ts';
import { conditionOf, keyOf, type JobMap, type JobView } from './job-view.ts';
import { placedTexts, type PlacedText } from './list-steps.ts';
import { templateOf } from './lower-template.ts';
import { child, stringOf } from './yaml-node.ts';

/** No job waits for one that ends it by `cancels` or `terminate` before it can start, and none ends what has ended. */
export function checkEndedJobs(map: JobMap, isWholeWorkflow: boolean): void {
  const isMeant = (job: JobView): boolean =>
    keyOf(job, 'cancels') !== null || (isWholeWorkflow && keyOf(job, 'terminate') !== null);
  const ending = map.jobs.filter(isMeant);
  if (ending.length === 0 || map.mayJump()) return;
  for (const job of ending) {
    const cancels = keyOf(job, 'cancels');
    const targets = placedTexts(cancels?.kind === 'map' ? child(cancels, 'targets') : cancels);
    for (const target of targets) checkOwnNeed(target, job, map);
    const onSuccess = cancels?.kind === 'map' && stringOf(child(cancels, 'on')) === 'success';
    const ids = new Set(targets.map(({ value }) => value));
    for (const id of new Set(map.graph.dependants(job.id))) {
      const dependant = map.byId.get(id);
      if (dependant === undefined || !startsAfterSuccess(dependant)) continue;
      const isCancelled = ids.has(id) || regionsOf(dependant).some((region) => ids.has(`${REGION}${region}`));
      if (isCancelled && (!onSuccess || endsAtOnce(job)))
        neverStarts(dependant, job, `${quote(job.id)}, which cancels it`, map);
      else if (isWholeWorkflow && keyOf(job, 'terminate') !== null && endsAtOnce(job))
        neverStarts(dependant, job, `${quote(job.id)}, which ends the workflow by \`terminate\``, map);
    }
  }
}

/** What a job has waited for has ended when it starts, unless it is a job that says so early. */
function checkOwnNeed({ value, span }: PlacedText, job: JobView, { byId, problems }: JobMap): void {
  const need = byId.get(value);
  if (need === undefined || keyOf(need, 'strategy') !== null || !['all', 'active'].includes(joinMode(job))) return;
  if (!job.needs.some(({ value: id }) => id === value)) return;
  const message = `this has no effect: job ${quote(job.id)} needs ${quote(value)}, so that has ended before`;
  problems.warning('no-effect', span, message);
}

function neverStarts(job: JobView, by: JobView, why: string, { problems }: JobMap): void {
  const need = job.needs.find(({ value }) => value === by.id);
  problems.error('never-starts', need?.span ?? job.idSpan, `job ${quote(job.id)} can never start: it needs ${why}`);
}

/** Never after a failure of what it needs, and not before that has ended. */
function startsAfterSuccess(job: JobView): boolean {
  return joinMode(job) === 'all' && !usesStatusFunction(conditionOf(job));
}

/** Its dependants do not hear of a success that ends nothing: of an ignored failure, or before the end. */
function endsAtOnce(job: JobView): boolean {
  const ignored = templateOf(keyOf(job, 'continue-on-error')) ?? false;
  return keyOf(job, 'strategy') === null && ignored === false && stringOf(keyOf(job, 'failure')) !== 'ignore';
}

function regionsOf(job: JobView): readonly string[] {
  return placedTexts(keyOf(job, 'region')).map(({ value }) => value);
}
