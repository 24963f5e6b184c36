import type { z } from 'zod';
import { PositionedJson } from '../../config/positioned-json.ts';
import { failure } from './api-failure.ts';

/** Problems that an answer lists; the first one is its sentence. */
const MAX_ISSUES = 20;
/** A body that is no JSON is looked at again for the place; a large one is not worth it. */
const MAX_POSITIONED_BYTES = 1024 * 1024;

/** Refuses what is not JSON, with the line and column, and what the schema does not take, with the path. */
export function readJson<Schema extends z.ZodType>(body: Buffer, schema: Schema): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw notJson(body);
  }
  return check(value, schema, 'the body');
}

/** @param what What the values are of, such as `the query`. */
export function check<Schema extends z.ZodType>(value: unknown, schema: Schema, what: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const [first] = issues;
  const place = first === undefined || first.path === '' ? '' : ` at ${first.path}`;
  throw failure('invalid', null, `${what} is not as expected${place}: ${first?.message ?? 'unknown'}`, { issues });
}

function notJson(body: Buffer): Error {
  if (body.length === 0) return failure('invalid', null, 'the body is empty; JSON is expected');
  if (body.length > MAX_POSITIONED_BYTES) return failure('invalid', null, 'the body is not JSON');
  const problem = new PositionedJson(body.toString(), 'body').problems[0];
  if (problem === undefined) return failure('invalid', null, 'the body is not JSON');
  const { message, line, column } = problem;
  return failure('invalid', null, `the body, line ${line}, column ${column}: ${message}`, { line, column });
}
