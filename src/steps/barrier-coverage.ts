import type { StepPlan } from '../protocol/plan.ts';

/**
 * Ids of the background steps that no barrier of the file covers: not named by any `wait` or `cancel`, and not followed
 * by a `wait-all`. Looks at the file only, not at conditions (background-steps B50). In declared order.
 */
export function uncoveredSteps(steps: readonly StepPlan[]): readonly string[] {
  const uncovered = new Map<string, string>();
  const named = new Set<string>();
  for (const step of steps) {
    switch (step.kind) {
      case 'run':
      case 'uses':
        if (step.background) uncovered.set(step.id.toLowerCase(), step.id);
        break;
      case 'wait':
        for (const target of step.targets) named.add(target.toLowerCase());
        break;
      case 'cancel':
        named.add(step.target.toLowerCase());
        break;
      case 'wait-all':
        uncovered.clear();
    }
  }
  return [...uncovered].filter(([key]) => !named.has(key)).map(([, id]) => id);
}

/** What the report lists as the targets of a step: for a `wait-all`, every background step declared before it (B49). */
export function targetsOf(step: StepPlan, declaredBefore: readonly StepPlan[]): readonly string[] {
  switch (step.kind) {
    case 'run':
    case 'uses':
      return [];
    case 'wait':
      return step.targets;
    case 'wait-all':
      return step.implicit
        ? uncoveredSteps(declaredBefore)
        : declaredBefore.filter((other) => 'background' in other && other.background).map(({ id }) => id);
    case 'cancel':
      return [step.target];
  }
}
