import { quote } from './quote.ts';

/** An expression that could not be evaluated. The message is one sentence with the expression's text, never with values. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';

  constructor(expression: string, problem: string, options?: ErrorOptions) {
    super(`The expression ${quote(expression)} could not be evaluated: ${problem}.`, options);
  }
}
