import type { InputPlan, TriggerPlan, WorkflowPlan } from '../protocol/plan.ts';
import { optionalText, templateOf, textTemplate } from './lower-template.ts';
import { child, entriesOf, itemsOf, oneOrMany, stringOf, type MapEntry, type YamlNode } from './yaml-node.ts';

/** `on` in all its forms, checked, as filters by event. */
export function lowerTriggers(on: YamlNode | null): WorkflowPlan['on'] {
  if (on?.kind === 'map') return Object.fromEntries(on.entries.map(({ key, value }) => [key, lowerTrigger(value)]));
  return Object.fromEntries(oneOrMany(on).map((event) => [optionalText(event) ?? '', lowerTrigger(null)]));
}

function lowerTrigger(event: YamlNode | null): TriggerPlan {
  const texts = (key: string): readonly string[] | null => {
    const node = child(event, key);
    return node === null ? null : oneOrMany(node).map((item) => optionalText(item) ?? '');
  };
  return {
    types: texts('types'),
    branches: texts('branches'),
    branchesIgnore: texts('branches-ignore'),
    tags: texts('tags'),
    tagsIgnore: texts('tags-ignore'),
    paths: texts('paths'),
    pathsIgnore: texts('paths-ignore'),
    workflows: texts('workflows'),
    schedules: itemsOf(event).map((entry) => ({
      cron: optionalText(child(entry, 'cron')) ?? '',
      timezone: optionalText(child(entry, 'timezone')),
    })),
    inputs: byName(event, 'inputs', lowerInput),
    secrets: byName(event, 'secrets', ({ value }) => ({ required: isTrue(child(value, 'required')) })),
    outputs: byName(event, 'outputs', ({ value }) => ({ value: textTemplate(child(value, 'value')) })),
  };
}

function lowerInput({ value: input }: MapEntry): InputPlan {
  const type = (stringOf(child(input, 'type')) ?? 'string') as InputPlan['type'];
  return {
    type,
    required: isTrue(child(input, 'required')),
    default: lowerDefault(child(input, 'default'), type),
    options: itemsOf(child(input, 'options')).map((option) => optionalText(option) ?? ''),
    description: optionalText(child(input, 'description')),
  };
}

/** Of the input's type; an expression stays as it is. */
function lowerDefault(node: YamlNode | null, type: InputPlan['type']): InputPlan['default'] {
  const value = templateOf(node);
  if (value === null || (typeof value === 'string' && value.includes('${{'))) return value;
  if (type === 'boolean') return value === true || value === 'true';
  return type === 'number' ? Number(value) : textTemplate(node);
}

function byName<T>(event: YamlNode | null, key: string, lower: (entry: MapEntry) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(entriesOf(child(event, key)).map((entry) => [entry.key, lower(entry)]));
}

function isTrue(node: YamlNode | null): boolean {
  return node?.kind === 'scalar' && node.value === true;
}
