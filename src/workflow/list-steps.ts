import type { StepKind } from './step-grammar.ts';
import { kindsOf } from './step-grammar.ts';
import type { Span } from './problem-list.ts';
import { child, itemsOf, oneOrMany, type MapNode, type YamlNode } from './yaml-node.ts';

/** One step in the order in which steps are reached; checked or not, so everything in it may be missing or wrong. */
export interface ListedStep {
  readonly node: MapNode;
  readonly kind: StepKind | null;
  readonly id: PlacedText | null;
  /** Runs beside what follows: `background: true`, a step with a `stage` or of a group. */
  readonly background: boolean;
  /** The `parallel` group, from 1; on its steps and on its end. */
  readonly group: number | null;
}

/** An id or another text in the file, with its place. */
export interface PlacedText {
  readonly value: string;
  readonly span: Span;
}

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

/** Null when it is no text. */
export function placedText(node: YamlNode | null): PlacedText | null {
  return node?.kind === 'scalar' ? (placedTexts(node)[0] ?? null) : null;
}

/** One text or a list of them; numbers count as they are written, everything else is left out. */
export function placedTexts(node: YamlNode | null): readonly PlacedText[] {
  return oneOrMany(node).flatMap((item) => {
    if (item.kind !== 'scalar' || item.value === null) return [];
    return [{ value: typeof item.value === 'string' ? item.value : item.source, span: item.span }];
  });
}

function viewOf(node: MapNode): ListedStep {
  const [kind = null] = kindsOf(node);
  return {
    node,
    kind,
    id: placedText(child(node, 'id')),
    background:
      (kind === 'run' || kind === 'uses') && (saysYes(child(node, 'background')) || child(node, 'stage') !== null),
    group: null,
  };
}

/** Also for what was meant as a yes and reported: what names the step is not wrong as well. */
function saysYes(background: YamlNode | null): boolean {
  return background?.kind === 'scalar' && background.value !== false && background.value !== null;
}
