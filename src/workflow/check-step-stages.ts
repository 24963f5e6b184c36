import { listSteps } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { integerOf } from './read-stages.ts';
import { child, entriesOf, type YamlNode } from './yaml-node.ts';

/** `stages` of a job gives delays to stages that its steps have. */
export function checkStepStages(steps: YamlNode | null, stages: YamlNode | null, problems: ProblemList): void {
  const numbers = new Set(listSteps(steps).map(({ node }) => String(integerOf(child(node, 'stage')))));
  for (const { key, keySpan } of entriesOf(stages))
    if (!numbers.has(key))
      problems.warning('stage', keySpan, `no step of this job is in stage ${key}, so this has no effect`);
}
