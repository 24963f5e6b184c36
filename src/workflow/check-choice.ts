import { quote } from '../expressions/quote.ts';
import { didYouMean } from './close-name.ts';
import { keyOf, spotOfKey, type JobMap, type JobView } from './job-view.ts';
import { placedText } from './list-steps.ts';
import { conditionText } from './lower-template.ts';
import type { Span } from './problem-list.ts';
import { entriesOf } from './yaml-node.ts';

/** `choose` and `branches`: there is something to choose from, and it is the job's own dependants. */
export function checkChoice(job: JobView, map: JobMap): void {
  const { problems } = map;
  const [choose, branches] = [keyOf(job, 'choose'), keyOf(job, 'branches')];
  if (choose !== null && branches === null)
    problems.error(
      'missing-key',
      spotOfKey(job, 'choose'),
      '`choose` needs `branches`: the jobs to choose from, each with its condition',
    );
  if (choose === null && branches !== null)
    problems.error('missing-key', spotOfKey(job, 'branches'), '`branches` needs `choose: one` or `choose: many`');
  const entries = entriesOf(branches);
  const dependants = new Set(map.graph.dependants(job.id));
  if (entries.length > 0 && entries.every(({ key }) => key === 'default'))
    problems.error(
      'choose',
      spotOfKey(job, 'branches'),
      '`branches` has nothing but `default`; name the jobs to choose from, each with its condition',
    );
  for (const { key, keySpan, value } of entries) {
    if (key === 'default') {
      const named = placedText(value);
      if (named && named.value !== '') checkBranch(named.value, named.span, job, dependants, map);
    } else {
      checkBranch(key, keySpan, job, dependants, map);
      if (value.kind === 'scalar' && conditionText(value) === null)
        problems.error(
          'empty',
          keySpan,
          `the branch ${quote(key)} has no condition; give it one, or name it as \`default\``,
        );
    }
  }
}

function checkBranch(
  id: string,
  span: Span,
  job: JobView,
  dependants: ReadonlySet<string>,
  { graph, problems }: JobMap,
): void {
  if (dependants.has(id)) return;
  if (!graph.has(id)) {
    problems.error('unknown-job', span, `there is no job ${quote(id)}${didYouMean(id, [...dependants])}`);
    return;
  }
  const message = `job ${quote(id)} is no branch of ${quote(job.id)}: it does not need it; add \`needs: ${job.id}\` to ${quote(id)}`;
  problems.error('choose', span, message);
}
