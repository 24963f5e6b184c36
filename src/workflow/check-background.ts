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
  const listed = listSteps(steps);
  listed.forEach((step, index) => {
    if (!step.background || step.group !== null || child(step.node, 'timeout-minutes') !== null) return;
    if (listed.slice(index + 1).some((later) => covers(later, step))) return;
    const id = step.id?.value;
    const named = id === undefined ? 'this background step' : `the background step ${quote(id)}`;
    const wayOut = id === undefined ? 'add `wait-all` or' : `add \`wait: ${id}\`, \`cancel: ${id}\` or`;
    const message = `nothing waits for ${named} and it has no time limit: if it never ends, neither does the job; ${wayOut} \`timeout-minutes\``;
    problems.warning('background-without-end', entryOf(step.node, 'background')?.keySpan ?? spotOf(step.node), message);
  });
}

function covers(later: ListedStep, { id }: ListedStep): boolean {
  if (later.kind === 'wait-all') return true;
  return id !== null && targetsOf(later).some(({ value }) => value === id.value);
}
