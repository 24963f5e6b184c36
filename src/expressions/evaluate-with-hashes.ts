import type { EvaluationInput } from './evaluate.ts';
import { ExpressionError } from './expression-error.ts';

/** Rounds in which a hash may depend on another; an expression is nested at most 50 deep. */
const MAX_ROUNDS = 50;

/**
 * Functions of expressions are synchronous and hashing files is not: evaluates with empty hashes, gets those that were
 * asked for, and evaluates again until none is missing. `evaluate` must be pure; it is called once if nothing is hashed.
 * @throws ExpressionError, also when `hashFiles` rejects.
 */
export async function evaluateWithHashes<T>(
  input: EvaluationInput,
  hashFiles: (patterns: readonly string[]) => Promise<string>,
  evaluate: (input: EvaluationInput) => T,
): Promise<T> {
  const hashes = new Map<string, string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const missing = new Map<string, readonly string[]>();
    const attempt = tryEvaluate(() =>
      evaluate({
        ...input,
        hashFiles(patterns) {
          const key = JSON.stringify(patterns);
          const hash = hashes.get(key);
          if (hash === undefined) missing.set(key, patterns);
          return hash ?? '';
        },
      }),
    );
    if (missing.size === 0) return attempt.take();
    for (const [key, patterns] of missing) hashes.set(key, await hash(patterns, hashFiles));
  }
  throw new ExpressionError('hashFiles()', 'its patterns never come to an end');
}

/** An error made with empty hashes may be gone with the real ones, so it is thrown by `take` only. */
function tryEvaluate<T>(evaluate: () => T): { take: () => T } {
  try {
    const value = evaluate();
    return { take: () => value };
  } catch (error) {
    return {
      take: () => {
        throw error;
      },
    };
  }
}

async function hash(
  patterns: readonly string[],
  hashFiles: (patterns: readonly string[]) => Promise<string>,
): Promise<string> {
  try {
    return await hashFiles(patterns);
  } catch (error) {
    const call = `hashFiles(${patterns.map((pattern) => `'${pattern}'`).join(', ')})`;
    throw new ExpressionError(call, (error as Error).message.replace(/\.$/, ''), { cause: error });
  }
}
