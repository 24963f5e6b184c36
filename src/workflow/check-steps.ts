import { quote } from '../expressions/quote.ts';
import { RESERVED_PREFIX } from './check-identifier.ts';
import { didYouMean } from './close-name.ts';
import { listSteps, placedText, placedTexts, type PlacedText, type ListedStep } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { child, type YamlNode } from './yaml-node.ts';

/**
 * What the grammar cannot say about the steps of a job or a composite action: ids are given once, also across groups, and
 * `wait` and `cancel` name earlier background steps (background-steps A10 to A14).
 */
export function checkSteps(steps: YamlNode | null, problems: ProblemList): void {
  const listed = listSteps(steps);
  checkIds(listed, problems);
  listed.forEach((step, index) => {
    for (const target of targetsOf(step)) {
      const message = targetProblem(target, step, listed.slice(0, index), listed.slice(index + 1));
      if (message !== null) problems.error('step-target', target.span, message);
    }
    warnOfRepeated(step, problems);
  });
}

/** What a control step names, as far as it is text. */
export function targetsOf({ node, kind }: ListedStep): readonly PlacedText[] {
  if (kind === 'wait') return placedTexts(child(node, kind));
  const target = kind === 'cancel' ? placedText(child(node, kind)) : null;
  return target ? [target] : [];
}

/** Ids are names in the context `steps`, where case does not matter. */
function checkIds(listed: readonly ListedStep[], problems: ProblemList): void {
  const taken = new Map<string, PlacedText>();
  for (const { id } of listed) {
    if (id === null || id.value === '') continue;
    const first = taken.get(id.value.toLowerCase());
    if (first === undefined) taken.set(id.value.toLowerCase(), id);
    else {
      const { line } = problems.position(first.span.start);
      const spelled = first.value === id.value ? '' : `, spelled ${quote(first.value)}`;
      const message = `the id ${quote(id.value)} is taken by the step on line ${line}${spelled}`;
      problems.error('identifier', id.span, message);
    }
  }
}

function targetProblem(
  { value: target }: PlacedText,
  step: ListedStep,
  earlier: readonly ListedStep[],
  later: readonly ListedStep[],
): string | null {
  // Both were reported by the grammar.
  if (target === '' || target.includes('${{')) return null;
  const verb = step.kind === 'cancel' ? 'cancel' : 'wait for';
  if (target.startsWith(RESERVED_PREFIX))
    return `${quote(target)} is a reserved id; give the step an \`id\` of your own to ${verb} it`;
  if (same(step.id, target)) return `step ${quote(target)} cannot ${verb} itself`;
  const named = earlier.find(({ id }) => id?.value === target);
  if (named) return foundProblem(target, named, verb);
  const similar = earlier.find(({ id }) => same(id, target));
  if (similar) return `there is no step ${quote(target)}; its id is spelled ${quote(similar.id?.value ?? '')}`;
  if (later.some(({ id }) => same(id, target)))
    return `step ${quote(target)} starts only after this step; \`${step.kind ?? ''}\` names an earlier one`;
  const candidates = earlier.flatMap(({ id, background, group }) =>
    background && group === null && id ? [id.value] : [],
  );
  const known = candidates.length === 0 ? '; no background step with an `id` comes before this one' : '';
  return `there is no step ${quote(target)}${didYouMean(target, candidates) || known}`;
}

function foundProblem(target: string, { background, group, kind }: ListedStep, verb: string): string | null {
  if (group !== null)
    return `there is no step ${quote(target)} to ${verb} here: it belongs to a \`parallel\` group, which has ended by now`;
  if (background) return null;
  if (kind !== 'run' && kind !== 'uses') return `step ${quote(target)} is no background step; one cannot ${verb} it`;
  return `step ${quote(target)} is no background step, it has ended by now; give it \`background: true\`, or remove this`;
}

function warnOfRepeated(step: ListedStep, problems: ProblemList): void {
  const seen = new Set<string>();
  for (const { value, span } of targetsOf(step)) {
    if (seen.has(value)) problems.warning('step-target', span, `${quote(value)} is named twice; once is enough`);
    seen.add(value);
  }
}

function same(id: PlacedText | null, target: string): boolean {
  return id?.value.toLowerCase() === target.toLowerCase();
}
