import { readCondition } from '../expressions/read-condition.ts';
import { scanTemplate } from '../expressions/scan-template.ts';
import { toText } from '../expressions/evaluate.ts';
import type { Template, TemplateMap } from '../protocol/plan.ts';
import type { ScalarNode, YamlNode } from './yaml-node.ts';

/** The key that merges what its value gives into the mapping around it. */
const INSERT = '${{ insert }}';

/** A value with its types, as written. */
export function templateOf(node: YamlNode | null): Template {
  if (node === null) return null;
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(templateOf);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, templateOf(value)]));
}

/** A value where GitHub takes text: numbers and booleans become text, nothing becomes empty text. Null when absent. */
export function textTemplate(node: YamlNode | null): Template {
  if (node === null) return null;
  if (node.kind === 'scalar') return scalarText(node);
  if (node.kind === 'list') return node.items.map(textTemplate);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, textTemplate(value)]));
}

/** Text that may be missing, as a `name`: nothing counts as absent. */
export function optionalText(node: YamlNode | null): string | null {
  return node?.kind === 'scalar' && node.value !== null ? scalarText(node) : null;
}

/** A mapping to text. An expression in place of the mapping is merged in when it is evaluated. */
export function textMap(node: YamlNode | null): TemplateMap {
  if (node?.kind === 'scalar' && node.value !== null) return { [INSERT]: scalarText(node) };
  return node?.kind === 'map' ? (textTemplate(node) as TemplateMap) : {};
}

/** As {@link textMap}, with types kept. */
export function templateMap(node: YamlNode | null): TemplateMap {
  return node?.kind === 'map' ? (templateOf(node) as TemplateMap) : {};
}

/** An `if` without `${{ }}` around it; null when absent or empty. */
export function conditionText(node: YamlNode | null): string | null {
  const written = optionalText(node) ?? '';
  const condition = readCondition(written);
  if (condition.kind === 'none') return null;
  return condition.kind === 'expression' ? condition.text.trim() : written;
}

/** A property of a mapping that an expression gives as a whole; `key` of the mapping when it is written out. */
export function propertyOf(node: YamlNode | null, key: string): Template {
  if (node?.kind === 'map') return templateOf(node.entries.find((entry) => entry.key === key)?.value ?? null);
  if (node?.kind !== 'scalar' || typeof node.value !== 'string') return null;
  const [segment] = scanTemplate(node.value);
  return segment?.kind === 'expression' ? `\${{ (${segment.text.trim()})['${key}'] }}` : null;
}

function scalarText({ value }: ScalarNode): string {
  return typeof value === 'string' ? value : toText(value);
}
