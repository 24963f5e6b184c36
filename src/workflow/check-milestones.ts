import { quote } from '../expressions/quote.ts';
import { unknownJob } from './check-targets.ts';
import { JobGraph } from './job-graph.ts';
import { keyOf, type JobMap, type JobView } from './job-view.ts';
import { placedText, type PlacedText } from './list-steps.ts';
import { child, stringOf } from './yaml-node.ts';

interface Milestone {
  readonly job: JobView;
  readonly of: PlacedText;
  readonly state: string;
}

/** States in which a job is only before it starts. */
const BEFORE_START = ['queued', 'waiting'];

/** Keys by which a job may wait when what it needs has ended. */
const WAITING_KEYS = [
  ...['wait-for', 'start-at', 'milestone', 'section', 'concurrency', 'strategy', 'stage', 'delay-before', 'retry'],
  ...['uses', 'before'],
];

/** `milestone`: the other job can come into the state, and is not past it for sure. */
export function checkMilestones(map: JobMap): void {
  const { graph, problems } = map;
  const milestones = milestonesOf(map);
  if (milestones.length === 0) return;
  // A job waits for one to begin where it waits for a state that comes after that.
  const waits = new Map(map.jobs.map(({ id }) => [id, new Set(graph.waitsFor(id))]));
  for (const { job, of, state } of milestones) if (!BEFORE_START.includes(state)) waits.get(job.id)?.add(of.value);
  const begins = new JobGraph(new Map([...waits].map(([id, others]) => [id, [...others]])));
  const told: string[] = [];
  for (const { job, of, state } of milestones) {
    if (!graph.has(of.value)) {
      unknownJob(of, map);
    } else if (of.value === job.id) {
      problems.error(
        'never-starts',
        of.span,
        `job ${quote(job.id)} waits for a milestone of itself, so it can never start`,
      );
    } else if (graph.before(of.value).has(job.id)) {
      const message = `job ${quote(of.value)} waits for ${quote(job.id)}, so ${quote(job.id)} can never start: its milestone would come after it`;
      problems.error('never-starts', of.span, message);
    } else if (begins.before(of.value).has(job.id) && !BEFORE_START.includes(state)) {
      // A circle is told once.
      if (told.some((id) => begins.before(id).has(job.id) && begins.before(job.id).has(id))) continue;
      told.push(job.id);
      const message = `jobs ${quote(job.id)} and ${quote(of.value)} wait for each other, by a milestone, so they can never start`;
      problems.error('never-starts', of.span, message);
    } else if (['queued', 'waiting', 'running'].includes(state) && alwaysEnded(of.value, job, map)) {
      const message = `job ${quote(of.value)} has ended before ${quote(job.id)} looks, so it is not ${quote(state)} any more; do not need it, or wait for another state`;
      problems.warning('milestone', of.span, message);
    } else if (state === 'waiting' && neverWaits(map.byId.get(of.value), map)) {
      const message = `job ${quote(of.value)} has nothing to wait for once it begins, so it is never \`waiting\``;
      problems.warning('milestone', of.span, message);
    }
  }
}

/** Beside what it needs, for which it does not begin. */
function neverWaits(job: JobView | undefined, { graph }: JobMap): boolean {
  if (job === undefined || WAITING_KEYS.some((key) => keyOf(job, key) !== null)) return false;
  return graph.waitsFor(job.id).length === new Set(job.needs.map(({ value }) => value)).size;
}

function milestonesOf({ jobs }: JobMap): readonly Milestone[] {
  return jobs.flatMap((job) => {
    const node = keyOf(job, 'milestone');
    const of = placedText(child(node, 'job'));
    const state = stringOf(child(node, 'state'));
    if (of === null || of.value === '' || of.value.includes('${{') || state === null) return [];
    return [{ job, of, state }];
  });
}

/** By plain needs all the way; other joins may start before. */
function alwaysEnded(id: string, job: JobView, { graph, jobs }: JobMap): boolean {
  if (keyOf(job, 'join') !== null || !job.needs.some(({ value }) => value === id || graph.before(value).has(id)))
    return false;
  const before = graph.before(job.id);
  return jobs.every((other) => !before.has(other.id) || keyOf(other, 'join') === null);
}
