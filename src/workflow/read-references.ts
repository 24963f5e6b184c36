import { references } from '../expressions/check.ts';
import type { Span } from './problem-list.ts';
import { sourceOffset } from './source-offset.ts';
import type { ScalarNode, YamlNode } from './yaml-node.ts';

/** A constant path that an expression reads, such as `steps.build.outputs.name`, and where it does. */
export interface Reference {
  readonly path: readonly string[];
  readonly span: Span;
}

/** Different paths that are looked for in one text. */
const MAX_PATHS_IN_TEXT = 100;

/** Everything that the expressions in a value read, in the order of the file. */
export function readReferences(node: YamlNode, kind: 'template' | 'condition', text: string): readonly Reference[] {
  switch (node.kind) {
    case 'scalar':
      return ofScalar(node, kind, text);
    case 'list':
      return node.items.flatMap((item) => readReferences(item, 'template', text));
    case 'map':
      return node.entries.flatMap(({ value }) => readReferences(value, 'template', text));
  }
}

function ofScalar(node: ScalarNode, kind: 'template' | 'condition', text: string): readonly Reference[] {
  const { value } = node;
  if (typeof value !== 'string' || (kind === 'template' && !value.includes('${{'))) return [];
  const unique = new Map(references(value, kind).map((path) => [path.join('\n'), path]));
  return [...unique.values()]
    .slice(0, MAX_PATHS_IN_TEXT)
    .map((path) => ({ path, span: spanOf(path, node, value, text) }));
}

/** The expression library gives no places, so the path is looked for in the text; the whole text if it is not found. */
function spanOf(path: readonly string[], node: ScalarNode, value: string, text: string): Span {
  const [context = '', ...properties] = path;
  const steps = properties.map((name) => `\\s*(?:\\.\\s*${escape(name)}(?![\\w-])|\\[\\s*'${escape(name)}'\\s*\\])`);
  const match = new RegExp(`(?<![\\w.-])${escape(context)}${steps.join('')}`, 'i').exec(value);
  if (!match) return node.span;
  const start = sourceOffset(text, node, match.index);
  return { start, end: sourceOffset(text, node, match.index + match[0].length - 1) + 1 };
}

function escape(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}
