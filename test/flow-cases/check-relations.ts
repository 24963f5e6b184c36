import type { BodyRun } from './body-run.ts';
import { bodiesOf, type Outcome } from './check-expectations.ts';
import { CaseProblem, said } from './fields.ts';

/** From the start to the end of a body, as places in the world's order. What goes on has no end. */
interface Span {
  readonly from: number;
  readonly to: number;
}

const RELATIONS = [
  'order',
  'overlap',
  'exclusive',
  'exclusivegroups',
  'exclusiveruns',
  'beforeend',
  'during',
  'runendsafter',
];

/** Relations over times: between bodies, by the names of a case. */
export function isRelation(plain: string): boolean {
  return RELATIONS.includes(plain);
}

export function checkRelations(relation: string, expected: unknown, outcome: Outcome): string[] {
  if (Array.isArray(expected) && expected.length === 0) throw new CaseProblem('it names no jobs');
  if (relation === 'exclusiveruns') return checkRuns(expected, outcome);
  if (relation === 'runendsafter') return checkRunEnd(expected, outcome);
  if (relation === 'exclusivegroups') return groupSets(expected).flatMap((groups) => checkGroups(groups, outcome));
  if (!Array.isArray(expected)) throw new CaseProblem(`${relation} has to be a list, not ${said(expected)}`);
  const lists = expected.every((item) => typeof item === 'string') ? [expected] : (expected as unknown[]);
  return lists.flatMap((item) => {
    const names = namesOf(item);
    const missing = names.filter((name) => spansOf(name, outcome).length === 0);
    if (relation === 'exclusive') return checkExclusive(names, outcome);
    if (missing.length > 0) return [`${names.join(', ')}: ${missing.join(' and ')} never ran`];
    return names.slice(1).flatMap((second, index) => {
      const first = names[index]!;
      const [one, other] = [spansOf(first, outcome), spansOf(second, outcome)];
      return PAIRS[relation]!(one, other)
        ? []
        : [
            `${first}, ${second}: expected ${MEANING[relation]!}, got ${shownSpans(first, one)} and ${shownSpans(second, other)}`,
          ];
    });
  });
}

const MEANING: Readonly<Record<string, string>> = {
  order: 'the end of the first before the start of the second',
  overlap: 'both at one instant',
  beforeend: 'the start of the first before the end of the second',
  during: 'the start of the first while the second runs',
};

const PAIRS: Readonly<Record<string, (one: readonly Span[], other: readonly Span[]) => boolean>> = {
  // Of jobs that ran equally often, such as in a cycle, one pair after another.
  order: (one, other) =>
    one.length === other.length
      ? one.every(({ to }, index) => to < other[index]!.from)
      : Math.max(...one.map(({ to }) => to)) < Math.min(...other.map(({ from }) => from)),
  overlap: (one, other) => one.some((span) => other.some((second) => meet(span, second))),
  beforeend: (one, other) => Math.min(...one.map(({ from }) => from)) < Math.max(...other.map(({ to }) => to)),
  during: (one, other) => one.some(({ from }) => other.some((second) => second.from < from && from < second.to)),
};

function checkExclusive(names: readonly string[], outcome: Outcome): string[] {
  const bodies = names.flatMap((name) => spansOf(name, outcome).map((span) => ({ name, span })));
  for (const [index, one] of bodies.entries())
    for (const other of bodies.slice(index + 1))
      if (meet(one.span, other.span))
        return [`${names.join(', ')}: expected never two at a time, got ${one.name} and ${other.name} at once`];
  return [];
}

/** A list of groups, or a list of such lists. */
function groupSets(expected: unknown): string[][][] {
  if (!Array.isArray(expected)) throw new CaseProblem(`exclusive_groups has to be a list, not ${said(expected)}`);
  const isNested = expected.some((item) => Array.isArray(item) && item.some(Array.isArray));
  const sets = isNested ? (expected as unknown[][]) : [expected as unknown[]];
  return sets.map((groups) => groups.map(namesOf));
}

function checkGroups(groups: readonly (readonly string[])[], outcome: Outcome): string[] {
  const wholes = groups.map((names) => ({
    names: names.join('+'),
    span: whole(names.flatMap((name) => spansOf(name, outcome))),
  }));
  for (const [index, one] of wholes.entries())
    for (const other of wholes.slice(index + 1))
      if (one.span && other.span && meet(one.span, other.span))
        return [`expected ${one.names} and ${other.names} one after the other, got them interleaved`];
  return [];
}

function checkRuns(expected: unknown, { world }: Outcome): string[] {
  if (expected === false) return [];
  const spans = world.runs.map((_, run) => whole(world.bodies.filter((body) => body.run === run).map(spanOf)));
  for (const [index, one] of spans.entries())
    for (const [later, other] of spans.entries())
      if (later > index && one && other && meet(one, other))
        return [`expected never two runs at a time, got runs ${index + 1} and ${later + 1} at once`];
  return [];
}

function checkRunEnd(expected: unknown, outcome: Outcome): string[] {
  const end = outcome.world.runs[0]?.ended ?? null;
  return namesOf(expected).flatMap((name) => {
    const spans = spansOf(name, outcome);
    if (spans.length === 0) return [`${name} never ran`];
    if (end === null) return [`expected the run to end after ${name}, got no end`];
    return Math.max(...spans.map(({ to }) => to)) < end
      ? []
      : [`expected the run to end after ${name}, got its end before`];
  });
}

function namesOf(item: unknown): string[] {
  const names = [item].flat();
  if (!names.every((name) => typeof name === 'string')) throw new CaseProblem(`ids were expected, not ${said(item)}`);
  return names;
}

function spansOf(name: string, outcome: Outcome): Span[] {
  return bodiesOf(name, outcome).map(spanOf);
}

function spanOf({ started, end }: BodyRun): Span {
  return { from: started, to: end?.order ?? Infinity };
}

function whole(spans: readonly Span[]): Span | null {
  if (spans.length === 0) return null;
  return { from: Math.min(...spans.map(({ from }) => from)), to: Math.max(...spans.map(({ to }) => to)) };
}

function meet(one: Span, other: Span): boolean {
  return one.from < other.to && other.from < one.to;
}

function shownSpans(name: string, spans: readonly Span[]): string {
  return `${name} ${spans.map(({ from, to }) => `${from}–${to === Infinity ? 'now' : to}`).join(' ')}`;
}
