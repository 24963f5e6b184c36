import { quote } from '../expressions/quote.ts';
import { targetsOf } from './check-steps.ts';
import { didYouMean } from './close-name.ts';
import { list } from './grammar.ts';
import { listSteps, type ListedStep } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { readReferences, type Reference } from './read-references.ts';
import { RESERVED_PREFIX } from './check-identifier.ts';
import type { MapNode, YamlNode } from './yaml-node.ts';

const STEP_PROPERTIES = ['outputs', 'outcome', 'conclusion'];

/** Contexts of ours whose names depend on the file. */
type OurContext = 'jobs' | 'loop' | 'outputs';

/** Contexts of ours that always have the same names. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  flow: ['iteration', 'attempt', 'from', 'with', 'signal', 'state'],
  instances: ['total', 'completed', 'success', 'failure', 'running'],
};

/** In `loop` beside the variables. */
const LOOP_NAMES = ['index'];

/** Names that expressions may read, and what is said when one is not there. */
export interface KnownNames {
  /** By context: names in lower case, to their spelling. Null where they are not known before the run. */
  readonly contexts: Readonly<Record<'inputs' | 'needs', ReadonlyMap<string, string> | null>> & {
    readonly [context in OurContext]?: ReadonlyMap<string, string> | null;
  };
  readonly text: string;
  readonly problems: ProblemList;
}

/** Warns where expressions of a job's or action's own keys read what does not exist: there they would be empty. */
export function checkKeys(node: MapNode, keys: readonly string[], steps: YamlNode | null, known: KnownNames): void {
  const ids = idsOf(listSteps(steps));
  for (const { key, value } of node.entries) {
    if (!keys.includes(key)) continue;
    for (const reference of readReferences(value, key === 'if' ? 'condition' : 'template', known.text)) {
      checkName(reference, known);
      if (isStep(reference)) checkStepName(reference, ids, known.problems);
    }
  }
}

/** As {@link checkKeys}, for one value, where there are no steps. */
export function checkValue(node: YamlNode | null, kind: 'template' | 'condition', known: KnownNames): void {
  if (node === null) return;
  for (const reference of readReferences(node, kind, known.text)) checkName(reference, known);
}

/**
 * Warns where expressions of steps read results that are not there yet: of a background step before a barrier, of a later
 * step, of no step. They would be empty (background-steps B24).
 */
export function checkStepReferences(steps: YamlNode | null, known: KnownNames): void {
  const { problems, text } = known;
  const listed = listSteps(steps);
  const all = idsOf(listed);
  const done = new Set<string>();
  const running = new Map<string, ListedStep>();
  listed.forEach((step, index) => {
    const { group } = step;
    // All steps of a group start before the first of them could have ended.
    if (group !== null && listed[index - 1]?.group !== group) {
      for (let at = index; listed[at]?.group === group; at++) {
        const sibling = listed[at];
        if (sibling?.id) running.set(fold(sibling.id.value), sibling);
      }
    }
    for (const { key, value } of step.kind === 'parallel' ? [] : step.node.entries) {
      for (const reference of readReferences(value, key === 'if' ? 'condition' : 'template', text)) {
        checkName(reference, known);
        if (isStep(reference)) checkStepReference(reference, step, { all, done, running }, problems);
      }
    }
    reach(step, done, running);
  });
}

/** Moves ids between the sets as the step does: it ends, starts to run beside the others, or is a barrier. */
function reach(step: ListedStep, done: Set<string>, running: Map<string, ListedStep>): void {
  for (const id of endingAt(step, running)) {
    if (running.delete(id)) done.add(id);
  }
  if (step.id === null) return;
  if (step.background) running.set(fold(step.id.value), step);
  else done.add(fold(step.id.value));
}

function endingAt(step: ListedStep, running: ReadonlyMap<string, ListedStep>): readonly string[] {
  if (step.kind === 'wait-all') return [...running.keys()];
  if (step.kind === 'parallel') return [...running].flatMap(([id, { group }]) => (group === step.group ? [id] : []));
  return targetsOf(step).map(({ value }) => fold(value));
}

function checkStepReference(
  reference: Reference,
  step: ListedStep,
  { all, done, running }: { all: Map<string, string>; done: Set<string>; running: Map<string, ListedStep> },
  problems: ProblemList,
): void {
  const [, name = '', property = 'outputs'] = reference.path;
  const warn = (message: string): void => problems.warning('unknown-reference', reference.span, message);
  const id = fold(name);
  if (step.id !== null && fold(step.id.value) === id) {
    warn(`the results of step ${quote(name)} are not there before it has ended, and this is the step itself`);
    return;
  }
  const beside = running.get(id);
  if (beside) {
    const wayOut =
      beside.group === null ? `add \`wait: ${beside.id?.value ?? name}\` before` : 'read it after the `parallel` group';
    const message = `\`${property}\` of the background step ${quote(name)} is read before anything waited for it, so it is empty; ${wayOut}`;
    problems.warning('read-before-wait', reference.span, message);
  } else if (!done.has(id) && all.has(id)) {
    warn(`step ${quote(name)} comes after this one, so its results are empty here`);
  }
  checkStepName(reference, all, problems);
}

function checkStepName({ path, span }: Reference, ids: ReadonlyMap<string, string>, problems: ProblemList): void {
  const [, name = '', property] = path;
  const known = ids.has(fold(name)) || name.startsWith(RESERVED_PREFIX);
  if (!known) {
    const message = `there is no step with the id ${quote(name)}, so this is empty${didYouMean(name, [...ids.values()])}`;
    problems.warning('unknown-reference', span, message);
  } else if (property !== undefined && !STEP_PROPERTIES.includes(fold(property))) {
    const message = `a step has no ${quote(property)}, so this is empty${didYouMean(property, STEP_PROPERTIES) || '; it has `outputs`, `outcome` and `conclusion`'}`;
    problems.warning('unknown-reference', span, message);
  }
}

function checkName({ path, span }: Reference, { contexts, problems }: KnownNames): void {
  const [context = '', name] = path;
  const folded = fold(context);
  if (name === undefined) return;
  const names = namesIn(folded, contexts);
  if (names === null || names.has(fold(name))) return;
  const guess = didYouMean(name, [...names.values()]);
  problems.warning('unknown-reference', span, unknownName(folded, name, guess, [...names.values()]));
}

function namesIn(context: string, contexts: KnownNames['contexts']): ReadonlyMap<string, string> | null {
  const fixed = Object.hasOwn(FIXED, context) ? FIXED[context] : undefined;
  if (fixed) return new Map(fixed.map((name) => [name, name]));
  switch (context) {
    case 'inputs':
    case 'needs':
      return contexts[context];
    case 'jobs':
    case 'outputs':
      return contexts[context] ?? null;
    case 'loop':
      return contexts.loop ? new Map([...contexts.loop, ...LOOP_NAMES.map((name) => [name, name] as const)]) : null;
    default:
      return null;
  }
}

function unknownName(context: string, name: string, guess: string, names: readonly string[]): string {
  switch (context) {
    case 'inputs':
      return `there is no input ${quote(name)}, so this is empty${guess}`;
    case 'needs':
      return `this job does not need a job ${quote(name)}, so this is empty${guess || '; add it to `needs`'}`;
    case 'jobs':
      return `there is no job ${quote(name)} in the loop, so this is empty${guess}`;
    case 'outputs':
      return `this job has no output ${quote(name)}, so this is empty${guess || '; add it to `outputs`'}`;
    case 'loop':
      return `the loop has no variable ${quote(name)}, so this is empty${guess || '; add it to `vars`'}`;
    default:
      return `\`${context}\` has no ${quote(name)}, so this is empty${guess || `; it has ${list(names, 'and')}`}`;
  }
}

function isStep({ path }: Reference): boolean {
  return path.length > 1 && fold(path[0] ?? '') === 'steps';
}

function idsOf(listed: readonly ListedStep[]): Map<string, string> {
  return new Map(listed.flatMap(({ id }) => (id ? [[fold(id.value), id.value] as const] : [])));
}

/** Names of a context do not differ by case. */
function fold(name: string): string {
  return name.toLowerCase();
}
