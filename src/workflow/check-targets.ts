import { quote } from '../expressions/quote.ts';
import { didYouMean } from './close-name.ts';
import { keyOf, type JobMap, type JobView } from './job-view.ts';
import { placedText, placedTexts, type PlacedText } from './list-steps.ts';
import { conditionText } from './lower-template.ts';
import { child, oneOrMany, spotOf, type YamlNode } from './yaml-node.ts';

export const REGION = 'region:';

/** `cancels` and `next`: what they name is there, and cancelling it or going on there means something. */
export function checkTargets(job: JobView, map: JobMap): void {
  const cancels = keyOf(job, 'cancels');
  for (const target of placedTexts(cancels?.kind === 'map' ? child(cancels, 'targets') : cancels))
    checkCancelled(target, job, map);
  const next = oneOrMany(keyOf(job, 'next'));
  checkReached(next, map);
  for (const entry of next) {
    const target = placedText(child(entry, 'goto'));
    if (target === null || target.value === '' || target.value.includes('${{')) continue;
    if (!map.graph.has(target.value)) unknownJob(target, map);
    else if (child(entry, 'if') === null && isBackward(target.value, job, map)) {
      const message = `this goes back to ${quote(target.value)} whenever ${quote(job.id)} succeeds, until \`limits.max-jumps\` fails it; add an \`if\``;
      map.problems.warning('next', target.span, message);
    }
  }
}

function checkCancelled(target: PlacedText, job: JobView, map: JobMap): void {
  const { value, span } = target;
  const { problems, regions, graph, outer } = map;
  if (value === '' || value.includes('${{')) return;
  if (value.startsWith(REGION)) {
    const region = value.slice(REGION.length);
    if (regions === null || regions.has(region)) return;
    const message = `no job has the region ${quote(region)}${didYouMean(region, [...regions])}`;
    problems.error('unknown-job', span, message);
  } else if (!graph.has(value) && !outer.has(value)) {
    const wayOut = regions?.has(value) ? `; did you mean \`${REGION}${value}\`?` : didYouMean(value, graph.ids);
    problems.error('unknown-job', span, `there is no job ${quote(value)}${wayOut}`);
  } else if (value === job.id) {
    problems.error('unknown-job', span, `job ${quote(value)} cannot cancel itself; \`terminate\` ends a run`);
  }
}

/** The first entry whose condition holds is taken. */
function checkReached(entries: readonly YamlNode[], { problems }: JobMap): void {
  const conditions = entries.map((entry) => conditionText(child(entry, 'if')) ?? 'success()');
  entries.forEach((entry, index) => {
    const before = conditions.slice(0, index).find((other) => other === 'always()' || other === conditions[index]);
    if (before === undefined) return;
    problems.warning('next', spotOf(entry), `this is never reached: an entry before it is taken at \`${before}\``);
  });
}

/** To the job itself or to one that it waited for. */
function isBackward(target: string, job: JobView, { graph }: JobMap): boolean {
  return target === job.id || graph.before(job.id).has(target);
}

export function unknownJob({ value, span }: PlacedText, { graph, problems }: JobMap): void {
  problems.error('unknown-job', span, `there is no job ${quote(value)}${didYouMean(value, graph.ids)}`);
}
