import type { StepKind } from './step-grammar.ts';
import { kindsOf } from './step-grammar.ts';
import { child, itemsOf, stringOf, type MapNode, type ScalarNode, type YamlNode } from './yaml-node.ts';

/** One step in the order in which steps are reached; checked or not, so everything in it may be missing or wrong. */
export interface ListedStep {
  readonly node: MapNode;
  readonly kind: StepKind | null;
  readonly id: IdNode | null;
  /** Runs beside what follows: `background: true`, or a step of a group. */
  readonly background: boolean;
  /** The `parallel` group, from 1; on its steps and on its end. */
  readonly group: number | null;
}

/** A text in the file with its place. */
export type IdNode = ScalarNode & { readonly value: string };

/**
 * The steps of a list with those of groups among them. A group itself follows its steps: it is where they are waited
 * for.
 */
export function listSteps(steps: YamlNode | null): readonly ListedStep[] {
  const listed: ListedStep[] = [];
  let groups = 0;
  for (const node of itemsOf(steps)) {
    if (node.kind !== 'map') continue;
    const [kind = null] = kindsOf(node);
    if (kind === 'parallel') {
      groups += 1;
      for (const inner of itemsOf(child(node, 'parallel'))) {
        if (inner.kind === 'map') listed.push({ ...viewOf(inner), background: true, group: groups });
      }
    }
    listed.push({ ...viewOf(node), kind, group: kind === 'parallel' ? groups : null });
  }
  return listed;
}

export function isText(node: YamlNode | null): node is IdNode {
  return stringOf(node) !== null;
}

function viewOf(node: MapNode): ListedStep {
  const id = child(node, 'id');
  const background = child(node, 'background');
  const [kind = null] = kindsOf(node);
  return {
    node,
    kind,
    id: isText(id) ? id : null,
    background: background?.kind === 'scalar' && background.value === true,
    group: null,
  };
}
