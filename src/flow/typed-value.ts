import { evaluateTemplate, toText, type EvaluationInput } from '../expressions/evaluate.ts';
import { MAX_MINUTES } from '../protocol/flow-plan.ts';
import type { Json } from '../protocol/job-message.ts';
import type { Template } from '../protocol/plan.ts';
import { KeyProblem } from './key-problem.ts';

/** As on GitHub, `'true'` is text and not a boolean: fromJSON() makes one of it. Null where the key is absent. */
export function evaluateBoolean(key: string, template: Template, input: EvaluationInput): boolean | null {
  const value = evaluateTemplate(template, input);
  if (value === null || typeof value === 'boolean') return value;
  throw new KeyProblem(`\`${key}\` takes true or false, but it is ${kindOf(value)}.`);
}

export function evaluateNumber(key: string, template: Template, input: EvaluationInput): number | null {
  const value = evaluateTemplate(template, input);
  if (value === null || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw new KeyProblem(`\`${key}\` takes a number, but it is ${kindOf(value)}.`);
}

/**
 * Of keys that often come from outputs, which are text: there a text that is a number will do. An expression that comes
 * to nothing is no number. Null where the key is absent.
 */
export function evaluateCount(key: string, template: Template, input: EvaluationInput): number | null {
  const value = evaluateTemplate(template, input);
  if (template !== null && (value === null || value === ''))
    throw new KeyProblem(`\`${key}\` takes a number, but it is empty.`);
  if (typeof value === 'string' && /^\s*\d{1,9}(\.\d+)?\s*$/.test(value)) return Number(value);
  return evaluateNumber(key, value, input);
}

/** Of a key in minutes: milliseconds, so few that a time can be told from them. */
export function evaluateMinutes(key: string, template: Template, input: EvaluationInput): number | null {
  const minutes = evaluateCount(key, template, input);
  if (minutes === null || (minutes >= 0 && minutes <= MAX_MINUTES)) return minutes === null ? null : minutes * 60_000;
  throw new KeyProblem(`\`${key}\` takes a number of minutes from 0 to ${MAX_MINUTES}, but it is ${minutes}.`);
}

/** Text of an evaluated value; empty for null. */
export function textOf(key: string, value: Json): string {
  if (typeof value !== 'object' || value === null) return toText(value);
  throw new KeyProblem(`\`${key}\` takes text, but it is ${kindOf(value)}.`);
}

/** Texts of an evaluated value that is one or a list of them; empty ones are left out. */
export function textsOf(key: string, value: Json): string[] {
  const items: readonly Json[] = Array.isArray(value) ? (value as readonly Json[]) : [value];
  return items.map((item) => textOf(key, item)).filter((item) => item !== '');
}

export function kindOf(value: Json): string {
  if (value === null) return 'empty';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a mapping';
  return `a ${typeof value}`;
}
