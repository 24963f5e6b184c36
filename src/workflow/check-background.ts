import { quote } from '../expressions/quote.ts';
import { targetsOf } from './check-steps.ts';
import { listSteps, type ListedStep } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { child, entryOf, spotOf, type YamlNode } from './yaml-node.ts';

/**
 * Warns of background steps that nothing waits for and that have no time limit: if one never ends, neither does the job
 * (background-steps B50, B53).
 */
export function checkBackground(steps: YamlNode | null, problems: ProblemList): void {
  const covered = new Set<string>();
  let allCovered = false;
  // From the end, so that what comes later is known.
  for (const step of listSteps(steps).toReversed()) {
    if (isEndless(step) && !allCovered && !(step.id && covered.has(step.id.value))) warn(step, problems);
    allCovered ||= step.kind === 'wait-all';
    for (const { value } of targetsOf(step)) covered.add(value);
  }
}

function isEndless({ background, group, node }: ListedStep): boolean {
  // Stages are written to be waited for at the end of the job.
  const staged = child(node, 'stage') !== null;
  return background && group === null && !staged && child(node, 'timeout-minutes') === null;
}

function warn({ id, node }: ListedStep, problems: ProblemList): void {
  const named = id ? `the background step ${quote(id.value)}` : 'this background step';
  const wayOut = id ? `add \`wait: ${id.value}\`, \`cancel: ${id.value}\` or` : 'add `wait-all` or';
  const message = `nothing waits for ${named} and it has no time limit: if it never ends, neither does the job; ${wayOut} \`timeout-minutes\``;
  problems.warning('background-without-end', entryOf(node, 'background')?.keySpan ?? spotOf(node), message);
}
