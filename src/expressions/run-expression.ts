import type { Expr, FunctionCall, ContextAccess, Literal } from '@actions/expressions/ast';
import { BooleanData, Dictionary, NumberData, StringData, type ExpressionData } from '@actions/expressions/data/index';
import { Evaluator } from '@actions/expressions/evaluator';
import { CONTEXT_NAMES } from './availability.ts';
import { compile, type CompiledExpression } from './compile.ts';
import { fromData, JsonNumber, toData } from './data.ts';
import type { EvaluationInput } from './evaluate.ts';
import { ExpressionError } from './expression-error.ts';
import { callFunction, FUNCTIONS, STATUS_FUNCTION_NAMES } from './functions.ts';
import type { Json } from './json.ts';
import { quote } from './quote.ts';

/** @throws ExpressionError */
export function runExpression(text: string, input: EvaluationInput): Json {
  const compiled = compile(text);
  if (compiled.kind === 'problem') throw new ExpressionError(text, compiled.message);
  const missing = unavailable(compiled, input);
  if (missing !== null) throw new ExpressionError(text, missing);
  try {
    return fromData(new ContextEvaluator(compiled.root, input).evaluate());
  } catch (error) {
    throw new ExpressionError(text, reasonOf(error), { cause: error });
  }
}

/** Looked at before the evaluation, so that what a run happens not to reach is an error all the same. */
function unavailable(compiled: CompiledExpression, input: EvaluationInput): string | null {
  const context = compiled.contexts.find(
    ({ name }) => !CONTEXT_NAMES.includes(name) && !Object.hasOwn(input.contexts, name),
  );
  if (context) return `there is no context ${quote(context.name)} (text is written in single quotes)`;
  const call = compiled.calls.find(
    ({ name }) => (STATUS_FUNCTION_NAMES.includes(name) && !input.status) || (name === 'hashfiles' && !input.hashFiles),
  );
  return call ? `\`${FUNCTIONS[call.name]?.name ?? call.name}()\` is not available here` : null;
}

/** The library's evaluator with contexts taken as they are asked for, and a `case` that stops at the first true condition. */
class ContextEvaluator extends Evaluator {
  readonly #input: EvaluationInput;

  constructor(root: Expr, input: EvaluationInput) {
    super(root, new Dictionary());
    this.#input = input;
  }

  override visitContextAccess(access: ContextAccess): ExpressionData {
    const name = access.name.lexeme.toLowerCase();
    return toData(Object.hasOwn(this.#input.contexts, name) ? (this.#input.contexts[name] ?? null) : null);
  }

  override visitLiteral(literal: Literal): ExpressionData {
    const value = literal.literal;
    return value instanceof NumberData ? new JsonNumber(value.value) : value;
  }

  override visitFunctionCall(call: FunctionCall): ExpressionData {
    const name = call.functionName.lexeme.toLowerCase();
    if (name === 'case') return this.#case(call.args);
    return (
      this.#own(name, call.args) ??
      callFunction(
        name,
        call.args.map((arg) => this.eval(arg)),
      )
    );
  }

  #own(name: string, args: readonly Expr[]): ExpressionData | null {
    const { status, hashFiles } = this.#input;
    switch (name) {
      case 'always':
        return new BooleanData(true);
      case 'success':
      case 'failure':
      case 'cancelled':
        return new BooleanData(status?.[name] ?? false);
      case 'hashfiles':
        return new StringData(hashFiles?.(args.map((arg) => this.eval(arg).coerceString())) ?? '');
      default:
        return null;
    }
  }

  #case(args: readonly Expr[]): ExpressionData {
    const last = args.length - 1;
    for (let index = 0; index < last; index += 2) {
      const condition = this.eval(args[index] as Expr);
      if (!(condition instanceof BooleanData)) {
        throw new Error(`condition ${index / 2 + 1} of case() is neither true nor false`);
      }
      if (condition.value) return this.eval(args[index + 1] as Expr);
    }
    return this.eval(args[last] as Expr);
  }
}

/** The innermost message: the library wraps errors of an index in sentences of its own. */
function reasonOf(error: unknown): string {
  let innermost = error as Error;
  while (innermost.cause instanceof Error) innermost = innermost.cause;
  if (innermost instanceof RangeError) return 'it needs too much memory';
  return innermost.message.replace(/\.$/, '');
}
