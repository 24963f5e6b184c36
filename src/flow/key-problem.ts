import { ExpressionError } from '../expressions/evaluate.ts';

/** A key of a job has a value that it does not take. The message is a sentence. */
export class KeyProblem extends Error {}

export type Attempt<T> =
  { readonly kind: 'value'; readonly value: T } | { readonly kind: 'problem'; readonly message: string };

/** Evaluates keys of a job. What a user can cause comes back as a sentence; anything else is a bug and goes on. */
export function attempt<T>(evaluate: () => T): Attempt<T> {
  try {
    return { kind: 'value', value: evaluate() };
  } catch (error) {
    if (error instanceof ExpressionError || error instanceof KeyProblem) {
      return { kind: 'problem', message: error.message };
    }
    throw error;
  }
}
