import { delimiter, dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import { closeNames } from '../workflow/close-name.ts';
import { findBudgetProblem } from './budgets.ts';
import type { LoadedConfig } from './load-runner-config.ts';
import { PositionedJson } from './positioned-json.ts';
import type { RunnerConfig } from './runner-config.ts';
import { runnerConfigSchema } from './runner-config-schema.ts';
import { CONFIG_VARIABLES, type ConfigVariable } from './runner-config-variables.ts';

export interface ConfigInput {
  readonly file: { readonly path: string; readonly text: string } | null;
  /** The `PACELINE_…` variables that are set, by name. */
  readonly variables: ReadonlyMap<string, string>;
  readonly directory: string;
}

type Path = readonly PropertyKey[];

/** The part of loading that needs zod and yaml, apart so that only who has a configuration pays for them. */
export function checkRunnerConfig({ file, variables, directory }: ConfigInput): LoadedConfig {
  const json = file === null ? null : new PositionedJson(file.text, file.path);
  if (json !== null && json.problems.length > 0) return { kind: 'problem', diagnostics: json.problems };
  const value = withPaths(structuredClone(json?.value ?? {}), file === null ? directory : dirname(file.path));
  const ofVariables = CONFIG_VARIABLES.filter(({ variable }) => variables.has(variable));
  if (isMap(value))
    for (const known of ofVariables)
      setAt(value, known.path, valueOf(known, variables.get(known.variable) ?? '', directory));

  const diagnosticAt = (path: Path, message: string, rule: string, key: string | null): Diagnostic => {
    const names = path.map(String);
    const variable = ofVariables.find((known) => known.path.every((name, index) => names[index] === name));
    if (variable) return { ...AT_START, file: variable.variable, message, rule };
    return { ...AT_START, file: file?.path ?? '', ...json?.positionOf(path, key), message, rule };
  };
  const checked = runnerConfigSchema.safeParse(value);
  if (!checked.success)
    return {
      kind: 'problem',
      diagnostics: checked.error.issues.flatMap((issue) => diagnosticsOf(issue, diagnosticAt)),
    };
  const config: RunnerConfig = checked.data;
  const budget = findBudgetProblem(config);
  if (budget === null) return { kind: 'loaded', config };
  return { kind: 'problem', diagnostics: [diagnosticAt([budget.key], budget.message, 'budget', null)] };
}

const AT_START = { severity: 'error', line: 1, column: 1, length: 1 } as const;

function diagnosticsOf(
  issue: z.core.$ZodIssue,
  diagnosticAt: (path: Path, message: string, rule: string, key: string | null) => Diagnostic,
): Diagnostic[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => diagnosticAt(issue.path, unknownKey(issue.path, key), 'unknown-key', key));
  const name = issue.path.map(String).join('.');
  const [problem] = issue.code === 'invalid_key' ? issue.issues : [issue];
  const message = (problem ?? issue).message.replace(/^Invalid (?:input|option|string): /, '');
  return [diagnosticAt(issue.path, `${name === '' ? 'The configuration' : `'${name}'`}: ${message}.`, 'value', null)];
}

function unknownKey(path: Path, key: string): string {
  const inside = path.map(String);
  const depth = inside.length;
  const siblings = CONFIG_VARIABLES.filter((known) => inside.every((name, index) => known.path[index] === name))
    .map((known) => known.path[depth])
    .filter((name) => name !== undefined);
  const names = [...new Set(siblings)];
  const where = depth === 0 ? '' : ` in '${inside.join('.')}'`;
  const [close] = closeNames(key, names);
  const hint = close === undefined ? `known are ${names.join(', ')}` : `did you mean '${close}'?`;
  return `Unknown key '${key}'${where}: ${hint}`;
}

/** Relative paths in the file made absolute. What is no text is left for the schema to refuse. */
function withPaths(value: unknown, directory: string): unknown {
  for (const { path, kind } of CONFIG_VARIABLES) {
    if (!isMap(value) || !['path', 'paths', 'path-map'].includes(kind)) continue;
    const found = getAt(value, path);
    if (found !== undefined)
      setAt(
        value,
        path,
        mapTexts(found, (text) => absolute(text, directory)),
      );
  }
  return value;
}

/** An empty path stays one, for the schema to refuse. */
function absolute(path: string, directory: string): string {
  return path === '' ? '' : resolve(directory, path);
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, map)]));
}

/** What is no number or boolean stays text, for the schema to refuse. */
function valueOf({ kind }: ConfigVariable, text: string, directory: string): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return { '1': true, true: true, '0': false, false: false }[text.toLowerCase()] ?? text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean);
    case 'path':
      return absolute(text, directory);
    case 'paths':
      return text
        .split(delimiter)
        .filter(Boolean)
        .map((path) => absolute(path, directory));
    case 'path-map':
      return Object.fromEntries(
        text.split(',').map((entry) => {
          const [name = '', ...path] = entry.split('=');
          return [name.trim(), absolute(path.join('=').trim(), directory)];
        }),
      );
  }
}

type JsonMap = Record<string, unknown>;

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function getAt(value: JsonMap, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (isMap(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    value,
  );
}

/** Does nothing where something else stands in the place of a mapping: the schema refuses that. */
function setAt(value: JsonMap, path: readonly string[], item: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    value[key] = item;
    return;
  }
  if (!Object.hasOwn(value, key)) value[key] = {};
  const inner = value[key];
  if (isMap(inner)) setAt(inner, rest, item);
}
