import { CONTEXT_NAMES, type Availability } from './availability.ts';
import { compile, type UsedName } from './compile.ts';
import { constantPaths } from './constant-paths.ts';
import { FUNCTIONS, STATUS_FUNCTION_NAMES } from './functions.ts';
import { quote } from './quote.ts';
import { readCondition } from './read-condition.ts';
import { scanTemplate, type Segment } from './scan-template.ts';

export type { Availability } from './availability.ts';

/** One thing wrong with an expression. `message` is a sentence without a full stop. */
export interface ExpressionProblem {
  /** UTF-16 code units from the start of the text that was given. */
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  /** A warning: GitHub runs it, but it cannot mean what it says. */
  readonly severity: 'error' | 'warning';
}

/** Checks every `${{ }}` of a text, and that each is closed. */
export function checkTemplate(text: string, availability: Availability): ExpressionProblem[] {
  return checkSegments(scanTemplate(text), availability);
}

/** Checks an `if`, with or without `${{ }}` around it. */
export function checkCondition(text: string, availability: Availability): ExpressionProblem[] {
  const condition = readCondition(text);
  switch (condition.kind) {
    case 'none':
      return [];
    case 'expression':
      return checkExpression(condition.text, condition.offset, availability);
    case 'text': {
      const problems = checkSegments(condition.segments, availability);
      const stray = condition.segments.find((segment) => segment.kind === 'text' && segment.text.trim() !== '');
      if (problems.length > 0 || !stray) return problems;
      const message = `this condition is always true, because ${quote(stray.text)} stands outside of \`\${{ }}\`; put all of it inside`;
      return [{ offset: 0, length: text.length, message, severity: 'warning' }];
    }
  }
}

/**
 * What a text's expressions read, as constant paths as far as they are constant: `steps['a'].outputs.x` is
 * `['steps', 'a', 'outputs', 'x']`, `needs.*.result` is `['needs']`. Expressions that do not parse give nothing.
 */
export function references(text: string, kind: 'template' | 'condition'): readonly (readonly string[])[] {
  return expressionTexts(text, kind).flatMap((expression) => {
    const compiled = compile(expression);
    return compiled.kind === 'compiled' ? constantPaths(compiled.root) : [];
  });
}

function expressionTexts(text: string, kind: 'template' | 'condition'): string[] {
  const condition = kind === 'condition' ? readCondition(text) : null;
  if (condition?.kind === 'none') return [];
  if (condition?.kind === 'expression') return [condition.text];
  return scanTemplate(text).flatMap((segment) => (segment.kind === 'expression' ? [segment.text] : []));
}

function checkSegments(segments: readonly Segment[], availability: Availability): ExpressionProblem[] {
  return segments.flatMap((segment): ExpressionProblem[] => {
    if (segment.kind === 'text') return [];
    if (segment.kind === 'expression') return checkExpression(segment.text, segment.offset, availability);
    const message = 'the expression that starts here is never closed, `}}` was expected';
    return [{ offset: segment.offset - 3, length: 3, message, severity: 'error' }];
  });
}

function checkExpression(text: string, offset: number, availability: Availability): ExpressionProblem[] {
  const compiled = compile(text);
  if (compiled.kind === 'problem') {
    return [{ ...at(compiled, offset), message: compiled.message, severity: 'error' }];
  }
  const allowed = new Set([...availability.contexts, ...(availability.also ?? [])]);
  const functions = new Set(availability.functions.map((name) => name.toLowerCase()));
  return [
    ...compiled.contexts
      .filter((used) => !allowed.has(used.name))
      .map((used) => problem(used, offset, contextMessage(used.name, availability))),
    ...compiled.calls
      .filter((used) => isRestricted(used.name) && !functions.has(used.name))
      .map((used) => problem(used, offset, functionMessage(used.name))),
  ].sort((a, b) => a.offset - b.offset);
}

function isRestricted(name: string): boolean {
  return name === 'hashfiles' || STATUS_FUNCTION_NAMES.includes(name);
}

function contextMessage(name: string, { contexts }: Availability): string {
  if (name === 'loop') return 'the context `loop` is available inside of a `loop` only';
  const available =
    contexts.length === 0 ? 'no context is available here' : `available here: ${[...contexts].sort().join(', ')}`;
  return CONTEXT_NAMES.includes(name)
    ? `the context ${quote(name)} is not available here; ${available}`
    : `there is no context ${quote(name)} (text is written in single quotes); ${available}`;
}

function functionMessage(name: string): string {
  const call = `\`${FUNCTIONS[name]?.name ?? name}()\``;
  return STATUS_FUNCTION_NAMES.includes(name)
    ? `${call} is available in an \`if\` only`
    : `${call} is available in steps only`;
}

function problem(used: UsedName, offset: number, message: string): ExpressionProblem {
  return { ...at(used, offset), message, severity: 'error' };
}

function at(place: { offset: number; length: number }, offset: number): { offset: number; length: number } {
  return { offset: offset + place.offset, length: place.length };
}
