import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { InputPlan, TriggerPlan } from '../protocol/plan.ts';

/** An input that is not declared, is missing, or is not of its type. The message is a sentence. */
export class InputProblem extends Error {
  override readonly name = 'InputProblem';
  /** Name of a required input that was not given; null for another problem. */
  readonly missing: string | null;

  constructor(message: string, missing: string | null = null) {
    super(message);
    this.missing = missing;
  }
}

/**
 * The `inputs` context of a run that a person starts: every declared input with its type, from what was given or its
 * default.
 * @throws InputProblem
 */
export function resolveInputs(trigger: TriggerPlan | null, given: Readonly<Record<string, string>>): JsonMap {
  const declared = trigger?.inputs ?? {};
  const names = Object.keys(declared);
  // Names of inputs do not differ by case alone, as on GitHub.
  const declaredName = (name: string): string | undefined =>
    names.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    const found = declaredName(name);
    if (found === undefined) throw new InputProblem(unknown(name, names));
    values.set(found, value);
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, input]) => [name, resolved(name, input, values.get(name))]),
  );
}

function resolved(name: string, input: InputPlan, given: string | undefined): Json {
  if (given !== undefined) return typed(name, input, given);
  const { default: fallback } = input;
  if (fallback !== null && typeof fallback !== 'object') return typed(name, input, String(fallback));
  if (input.required) throw new InputProblem(`The workflow requires the input '${name}'.`, name);
  switch (input.type) {
    case 'boolean':
      return false;
    case 'number':
      return 0;
    case 'choice':
      return input.options[0] ?? '';
    case 'string':
    case 'environment':
      return '';
  }
}

function typed(name: string, input: InputPlan, text: string): Json {
  const refuse = (expected: string): never => {
    throw new InputProblem(`The input '${name}' is '${text}'; expected ${expected}.`);
  };
  switch (input.type) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : refuse("'true' or 'false'");
    case 'number': {
      const value = Number(text);
      return text.trim() !== '' && Number.isFinite(value) ? value : refuse('a number');
    }
    case 'choice':
      return input.options.includes(text) ? text : refuse(`one of ${quoted(input.options)}`);
    case 'string':
    case 'environment':
      return text;
  }
}

function unknown(name: string, names: readonly string[]): string {
  const known = names.length > 0 ? `it has ${quoted(names)}` : 'it has none';
  return `The workflow has no input '${name}'; ${known}.`;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
