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
  const known = checkIds(listed, problems);
  listed.forEach((step, index) => {
    for (const target of targetsOf(step)) {
      const message = targetProblem(target, step, index, known);
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

interface KnownStep {
  readonly id: PlacedText;
  readonly step: ListedStep;
  readonly index: number;
}

/** Ids are names in the context `steps`, where case does not matter. Returns the steps by their ids in lower case. */
function checkIds(listed: readonly ListedStep[], problems: ProblemList): ReadonlyMap<string, KnownStep> {
  const known = new Map<string, KnownStep>();
  listed.forEach((step, index) => {
    const { id } = step;
    if (id === null || id.value === '') return;
    const first = known.get(id.value.toLowerCase());
    if (first === undefined) {
      known.set(id.value.toLowerCase(), { id, step, index });
      return;
    }
    const { line } = problems.position(first.id.span.start);
    const spelled = first.id.value === id.value ? '' : `, spelled ${quote(first.id.value)}`;
    problems.error('identifier', id.span, `the id ${quote(id.value)} is taken by the step on line ${line}${spelled}`);
  });
  return known;
}

function targetProblem(
  { value: target }: PlacedText,
  step: ListedStep,
  index: number,
  known: ReadonlyMap<string, KnownStep>,
): string | null {
  // Both were reported by the grammar.
  if (target === '' || target.includes('${{')) return null;
  const verb = step.kind === 'cancel' ? 'cancel' : 'wait for';
  if (target.startsWith(RESERVED_PREFIX))
    return `${quote(target)} is a reserved id; give the step an \`id\` of your own to ${verb} it`;
  if (step.id?.value.toLowerCase() === target.toLowerCase()) return `step ${quote(target)} cannot ${verb} itself`;
  const named = known.get(target.toLowerCase());
  if (named && named.index > index)
    return `step ${quote(target)} starts only after this step; \`${step.kind ?? ''}\` names an earlier one`;
  if (named && named.id.value !== target)
    return `there is no step ${quote(target)}; its id is spelled ${quote(named.id.value)}`;
  return named ? foundProblem(target, named.step, verb) : unknownProblem(target, index, known);
}

function unknownProblem(target: string, index: number, known: ReadonlyMap<string, KnownStep>): string {
  const candidates: string[] = [];
  for (const { id, step, index: at } of known.values())
    if (at < index && step.background && step.group === null) candidates.push(id.value);
  const none = candidates.length === 0 ? '; no background step with an `id` comes before this one' : '';
  return `there is no step ${quote(target)}${didYouMean(target, candidates) || none}`;
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
