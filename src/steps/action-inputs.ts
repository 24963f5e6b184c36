import { evaluateTemplate, evaluateWithHashes, ExpressionError, toText } from '../expressions/evaluate.ts';
import type { Json } from '../protocol/job-message.ts';
import type { TemplateMap } from '../protocol/plan.ts';
import type { ActionManifest } from '../workflow/action-manifest.ts';
import type { HashFiles } from './step-frame.ts';

export interface ActionInputs {
  /** Under the spelling of the manifest where it declares them, else as given. Every declared input is there. */
  readonly values: ReadonlyMap<string, string>;
  /** Sentences for warnings: inputs the action does not know, lacks or would rather not get. */
  readonly warnings: readonly string[];
}

/**
 * Evaluates `with` and, for what it leaves out, the defaults of the manifest, which see less (runner-behaviour 2.13).
 * A required input that is missing is a warning, as no runner of GitHub's refuses it.
 * @throws ExpressionError
 */
export async function evaluateInputs(
  given: TemplateMap,
  { inputs: declared, runs }: ActionManifest,
  contexts: Readonly<Record<string, Json>>,
  hashFiles: HashFiles,
): Promise<ActionInputs> {
  const names = new Map(Object.keys(declared).map((name) => [name.toLowerCase(), name]));
  const values = new Map<string, string>();
  const unknown: string[] = [];
  for (const [name, value] of await evaluateGiven(given, contexts, hashFiles)) {
    const known = names.get(name.toLowerCase());
    if (known === undefined && !(runs.using === 'docker' && DOCKER_INPUTS.has(name.toLowerCase()))) unknown.push(name);
    values.set(known ?? name, value);
  }

  const warnings: string[] = [];
  if (unknown.length > 0)
    warnings.push(`Unexpected input(s) ${quoted(unknown)}, valid inputs are [${quoted([...names.values()])}]`);
  const forDefaults = Object.fromEntries(CONTEXTS_OF_DEFAULTS.map((name) => [name, contexts[name] ?? null]));
  for (const [name, { default: fallback, required, deprecationMessage }] of Object.entries(declared)) {
    if (values.has(name)) {
      if (deprecationMessage !== null)
        warnings.push(`Input '${name}' has been deprecated with message: ${deprecationMessage}`);
      continue;
    }
    const value = await evaluateWithHashes({ contexts: forDefaults }, hashFiles, (input) =>
      asText(name, evaluateTemplate(fallback, input)),
    );
    if (required && value === '') warnings.push(`Input '${name}' is required by the action and was not given`);
    values.set(name, value);
  }
  return { values, warnings };
}

/**
 * The `with` of a step as text.
 * @throws ExpressionError
 */
export async function evaluateGiven(
  given: TemplateMap,
  contexts: Readonly<Record<string, Json>>,
  hashFiles: HashFiles,
): Promise<ReadonlyMap<string, string>> {
  return evaluateWithHashes({ contexts }, hashFiles, (input) => {
    const values = evaluateTemplate(given, input) as TemplateMap;
    return new Map(Object.entries(values).map(([name, value]) => [name, asText(name, value)]));
  });
}

const CONTEXTS_OF_DEFAULTS = ['github', 'strategy', 'matrix', 'job', 'runner'] as const;
const DOCKER_INPUTS: ReadonlySet<string> = new Set(['entrypoint', 'args']);

/** `INPUT_*` as `@actions/core` looks for them. */
export function inputVariables(inputs: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...inputs].map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  );
}

function asText(name: string, value: Json): string {
  if (typeof value === 'object' && value !== null) throw new ExpressionError(name, 'its value is not text');
  return toText(value);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
