import { compile } from './compile.ts';
import { numberText } from './data.ts';
import { ExpressionError } from './expression-error.ts';
import { MAX_TEXT_CHARACTERS, STATUS_FUNCTION_NAMES } from './functions.ts';
import { isObject, type Json } from './json.ts';
import { readCondition, type Condition } from './read-condition.ts';
import { runExpression } from './run-expression.ts';
import { hasExpression, scanTemplate, type Segment } from './scan-template.ts';

export { ExpressionError } from './expression-error.ts';
export { evaluateWithHashes } from './evaluate-with-hashes.ts';

export interface EvaluationInput {
  /**
   * By lower-case name. Treated as immutable: a converted object is kept as long as the object lives. A context that
   * exists on GitHub but is missing here is null.
   */
  readonly contexts: Readonly<Record<string, Json>>;
  /** What the status functions say; absent where there are none. */
  readonly status?: StatusFunctions | undefined;
  /** Absent where `hashFiles` is not available. */
  readonly hashFiles?: ((patterns: readonly string[]) => string) | undefined;
}

/** `always()` is always true. */
export interface StatusFunctions {
  readonly success: boolean;
  readonly failure: boolean;
  readonly cancelled: boolean;
}

/**
 * Evaluates what stands between `${{` and `}}`.
 * @throws ExpressionError for everything that is wrong with it.
 */
export function evaluateExpression(text: string, input: EvaluationInput): Json {
  return runExpression(text, input);
}

/**
 * Evaluates every string in a value, keys too. A string that is exactly one `${{ }}` becomes what it evaluates to, with
 * its type; any other becomes text. The value of a key `${{ insert }}` is merged into its mapping.
 * @throws ExpressionError
 */
export function evaluateTemplate(value: Json, input: EvaluationInput): Json {
  if (typeof value === 'string') return evaluateString(value, input);
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => evaluateTemplate(item, input));
  if (!isObject(value)) return value;
  const entries = new Map<string, Json>();
  for (const [key, item] of Object.entries(value)) {
    for (const [name, result] of evaluateEntry(key, item, input)) {
      if (entries.has(name)) throw new ExpressionError(key, `the key '${name}' is there already`);
      entries.set(name, result);
    }
  }
  return Object.fromEntries(entries);
}

/**
 * As {@link evaluateTemplate}, for a key that takes text. Null is empty.
 * @throws ExpressionError also when the result is a list or a mapping, as on GitHub.
 */
export function evaluateText(value: Json, input: EvaluationInput): string {
  const result = evaluateTemplate(value, input);
  if (typeof result !== 'object' || result === null) return toText(result);
  const kind = Array.isArray(result) ? 'a list' : 'a mapping';
  const source = typeof value === 'string' ? value : JSON.stringify(value);
  throw new ExpressionError(source, `it is ${kind} where text was expected (toJSON() makes text of it)`);
}

/**
 * Evaluates an `if`, with or without `${{ }}` around it. Nothing means `success()`; a condition that calls no status
 * function stands for `success() && (…)`.
 * @throws ExpressionError
 */
export function evaluateCondition(condition: string | null, input: EvaluationInput): boolean {
  if (!usesStatusFunction(condition) && !isTruthy(runExpression('success()', input))) return false;
  const parsed = readCondition(condition ?? '');
  switch (parsed.kind) {
    case 'none':
      return true;
    case 'expression':
      return isTruthy(runExpression(parsed.text, input));
    case 'text':
      return isTruthy(joinSegments(parsed.segments, input));
  }
}

/**
 * True when a condition calls a status function, so that no `success()` is implied. Also for one that does not parse:
 * it has to fail, not to be skipped.
 */
export function usesStatusFunction(condition: string | null): boolean {
  return expressionsOf(readCondition(condition ?? '')).some((text) => {
    const compiled = compile(text);
    return compiled.kind === 'problem' || compiled.calls.some((call) => STATUS_FUNCTION_NAMES.includes(call.name));
  });
}

/** What `&&`, `||`, `!` and `if` take for true: everything but null, false, 0, NaN and the empty text. */
export function isTruthy(value: Json): boolean {
  return Boolean(value);
}

/** A value inside a longer text: lists and mappings become `Array` and `Object`. */
export function toText(value: Json): string {
  if (value === null) return '';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'object') return Array.isArray(value) ? 'Array' : 'Object';
  return String(value);
}

function evaluateString(text: string, input: EvaluationInput): Json {
  if (!hasExpression(text)) return text;
  const segments = scanTemplate(text);
  const [first] = segments;
  return segments.length === 1 && first?.kind === 'expression'
    ? runExpression(first.text, input)
    : joinSegments(segments, input);
}

function joinSegments(segments: readonly Segment[], input: EvaluationInput): string {
  let text = '';
  for (const segment of segments) {
    if (segment.kind === 'unclosed') throw new ExpressionError(segment.text, 'it is never closed, `}}` was expected');
    text += segment.kind === 'text' ? segment.text : toText(runExpression(segment.text, input));
    if (text.length > MAX_TEXT_CHARACTERS)
      throw new ExpressionError(segment.text, 'the text around it becomes too long');
  }
  return text;
}

function evaluateEntry(key: string, item: Json, input: EvaluationInput): readonly (readonly [string, Json])[] {
  const value = evaluateTemplate(item, input);
  if (!isInsert(key)) return [[toText(evaluateString(key, input)), value]];
  if (!isObject(value)) throw new ExpressionError(key, 'its value is not a mapping');
  return Object.entries(value);
}

function isInsert(key: string): boolean {
  if (!hasExpression(key)) return false;
  const segments = scanTemplate(key);
  return segments.length === 1 && segments[0]?.kind === 'expression' && segments[0].text.trim() === 'insert';
}

function expressionsOf(condition: Condition): string[] {
  if (condition.kind === 'expression') return [condition.text];
  if (condition.kind === 'none') return [];
  return condition.segments.filter((segment) => segment.kind !== 'text').map((segment) => segment.text);
}
