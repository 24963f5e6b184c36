import { evaluateText } from '../expressions/evaluate.ts';
import type { Json } from '../protocol/job-message.ts';
import type { ConcurrencyPlan } from '../protocol/plan.ts';
import type { GroupRequest } from './instance-state.ts';
import { KeyProblem } from './key-problem.ts';
import { evaluateBoolean, evaluateCount } from './typed-value.ts';

/** GitHub's limit. */
const MAX_GROUP_CHARACTERS = 400;

/** @throws ExpressionError, KeyProblem */
export function evaluateGroup(plan: ConcurrencyPlan, contexts: Readonly<Record<string, Json>>): GroupRequest {
  const group = evaluateText(plan.group, { contexts });
  if (group === '') throw new KeyProblem('The group of `concurrency` is empty.');
  if (group.length > MAX_GROUP_CHARACTERS) {
    throw new KeyProblem(`The group of \`concurrency\` is longer than ${MAX_GROUP_CHARACTERS} characters.`);
  }
  const limit = evaluateCount('concurrency.limit', plan.limit ?? null, { contexts });
  if (limit !== null && !(Number.isInteger(limit) && limit >= 1))
    throw new KeyProblem('The limit of `concurrency` is not a whole number of at least 1.');
  return {
    group: group.toLowerCase(),
    cancelInProgress: evaluateBoolean('cancel-in-progress', plan.cancelInProgress, { contexts }) ?? false,
    queue: plan.queue === 'max',
    ...(plan.scope === 'run' ? { ofRun: true as const } : {}),
    ...(limit === null ? {} : { limit }),
  };
}
