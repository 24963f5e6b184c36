import type { StepPlan, StepsJobPlan } from '../../protocol/plan.ts';
import type { AGENT_FEATURES } from '../../protocol/version.ts';

/** What an agent has to be able to do for a job: one that has never heard of it would do something else. */
export function neededFeatures({ steps }: Pick<StepsJobPlan, 'steps'>): (typeof AGENT_FEATURES)[number][] {
  return steps.some(runsBeside) ? ['background-steps'] : [];
}

function runsBeside(step: StepPlan): boolean {
  if (step.kind === 'run' || step.kind === 'uses') return step.background;
  return step.kind !== 'wait-all' || !step.implicit;
}
