import { usesStatusFunction } from '../expressions/evaluate.ts';
import { quote } from '../expressions/quote.ts';
import { joinMode } from './check-join.ts';
import { racesOf } from './check-rivals.ts';
import { conditionOf, keyOf, type JobMap, type JobView } from './job-view.ts';
import { placedText, type PlacedText } from './list-steps.ts';
import { integerOf } from './read-stages.ts';
import { child, entriesOf, stringOf } from './yaml-node.ts';

/** Jobs of which one alone can succeed. */
interface Rivals {
  readonly ids: ReadonlySet<string>;
  readonly why: string;
}

/** No job waits for more successes than there can be among jobs of one race, or branches of one choice. */
export function checkRivalNeeds(map: JobMap): void {
  const groups = new Map<string, Rivals[]>();
  for (const rivals of [...racing(map), ...choosable(map)])
    for (const id of rivals.ids) groups.set(id, [...(groups.get(id) ?? []), rivals]);
  if (groups.size === 0 || map.mayJump()) return;
  for (const job of map.jobs) checkNeedsOf(job, groups, map);
}

function checkNeedsOf(job: JobView, groups: ReadonlyMap<string, readonly Rivals[]>, map: JobMap): void {
  const needs = [...new Map(job.needs.filter(({ value }) => map.byId.has(value)).map((need) => [need.value, need]))];
  const mode = joinMode(job);
  const count = child(keyOf(job, 'join'), 'count');
  const wanted = mode === 'first' ? (integerOf(count) ?? 1) : needs.length;
  if (!['all', 'first'].includes(mode) || (mode === 'all' && usesStatusFunction(conditionOf(job)))) return;
  // A need is counted with one group of rivals, though it may be in two.
  const met = new Map<Rivals, PlacedText>();
  const lost: { readonly need: PlacedText; readonly to: PlacedText; readonly why: string }[] = [];
  for (const [id, need] of needs) {
    const of = groups.get(id) ?? [];
    const rivals = of.find((group) => met.has(group)) ?? of[0];
    if (rivals === undefined) continue;
    const other = met.get(rivals);
    if (other === undefined) met.set(rivals, need);
    else lost.push({ need, to: other, why: rivals.why });
  }
  const [first] = lost;
  if (first === undefined || needs.length - lost.length >= wanted) return;
  const { need, to, why } = first;
  const reason = `${quote(to.value)} and ${quote(need.value)} ${why}`;
  if (count !== null) {
    const message = `\`count\` is ${wanted}, but at most ${needs.length - lost.length} of what the job needs can succeed (${reason}), so it could never start`;
    map.problems.error('join', count.span, message);
  } else {
    const message = `job ${quote(job.id)} can never start: it needs all of its \`needs\`, and ${reason}; say \`join: active\``;
    map.problems.error('never-starts', need.span, message);
  }
}

function racing({ jobs }: JobMap): readonly Rivals[] {
  return [...racesOf(jobs).values()].map((members) => ({
    ids: new Set(members.map(({ id }) => id)),
    why: 'are in the same race',
  }));
}

/** Branches that start where they are chosen, and nowhere else. */
function choosable(map: JobMap): readonly Rivals[] {
  return map.jobs.flatMap((job) => {
    if (stringOf(keyOf(job, 'choose')) !== 'one' || mayBeginAgain(job)) return [];
    const named = entriesOf(keyOf(job, 'branches')).flatMap(({ key, value }) =>
      key === 'default' ? (placedText(value)?.value ?? []) : key,
    );
    const ids = new Set(named.filter((id) => startsByChoice(map.byId.get(id), job.id)));
    return [{ ids, why: `are branches of ${quote(job.id)}, which chooses one` }];
  });
}

function startsByChoice(branch: JobView | undefined, by: string): boolean {
  if (branch === undefined || !branch.needs.some(({ value }) => value === by)) return false;
  return joinMode(branch) === 'all' && !usesStatusFunction(conditionOf(branch));
}

function mayBeginAgain(job: JobView): boolean {
  const join = keyOf(job, 'join');
  return joinMode(job) === 'each' || child(join, 'keep') !== null || stringOf(child(join, 'late')) === 'queue';
}
