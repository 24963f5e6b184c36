import { quote } from '../expressions/quote.ts';
import type { TextProblem } from './grammar.ts';

/** GitHub's limit for ids of jobs and steps (background-steps A10). */
export const MAX_IDENTIFIER_CHARACTERS = 99;
/** Ids that the parser makes for steps without one start with it. */
export const RESERVED_PREFIX = '__';

/** For editors. */
export const IDENTIFIER_PATTERN = '^[A-Za-z_][A-Za-z0-9_-]*$';
const IDENTIFIER = new RegExp(IDENTIFIER_PATTERN);

/** The rules for ids of jobs and steps. */
export function checkIdentifier(id: string): TextProblem | null {
  if (id.startsWith(RESERVED_PREFIX))
    return problem(`the id ${quote(id)} is reserved: ids that start with \`__\` are made by the parser`);
  if (id.length > MAX_IDENTIFIER_CHARACTERS)
    return problem(`the id ${quote(id)} is ${id.length} characters long, the limit is ${MAX_IDENTIFIER_CHARACTERS}`);
  if (!IDENTIFIER.test(id))
    return problem(
      `the id ${quote(id)} is not valid: an id starts with a letter or \`_\` and has letters, digits, \`_\` and \`-\` only`,
    );
  return null;
}

function problem(message: string): TextProblem {
  return { rule: 'identifier', message };
}
