import { quote } from '../expressions/quote.ts';
import { placedText } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { child, entriesOf, itemsOf, stringOf, type YamlNode } from './yaml-node.ts';

/** A workflow that events start and that calls itself says how deep it may. @param jobs All of the file. */
export function checkSelfCall(root: YamlNode, jobs: readonly YamlNode[], problems: ProblemList): void {
  if (child(child(root, 'limits'), 'max-depth') !== null) return;
  const { file } = problems.position(0);
  const path = `/${file.replaceAll('\\', '/')}`;
  for (const job of jobs) {
    const uses = placedText(child(job, 'uses'));
    if (uses === null || !uses.value.startsWith('./') || !path.endsWith(uses.value.slice(1))) continue;
    // One that is called alone goes by the limits of who calls it.
    if (eventsOf(child(root, 'on')).every((event) => event === 'workflow_call')) return;
    const message = `${quote(uses.value)} is this workflow itself, and without \`limits.max-depth\` a run of it is refused; add \`limits: { max-depth: 10 }\` for ten levels`;
    problems.warning('uses', uses.span, message);
  }
}

function eventsOf(on: YamlNode | null): readonly string[] {
  const single = stringOf(on);
  if (single !== null) return [single];
  return [...itemsOf(on).flatMap((item) => stringOf(item) ?? []), ...entriesOf(on).map(({ key }) => key)];
}
