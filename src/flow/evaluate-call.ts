import { evaluateTemplate } from '../expressions/evaluate.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { CallJobPlan, InputPlan } from '../protocol/plan.ts';
import { evaluateGroup } from './evaluate-group.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { GroupRequest } from './instance-state.ts';
import type { JobState } from './job-state.ts';
import type { InstanceContexts } from './job-contexts.ts';
import { KeyProblem } from './key-problem.ts';
import type { SecretsLayer } from './resolve-secrets.ts';
import { kindOf, textOf } from './typed-value.ts';

export interface EvaluatedCall {
  readonly workflow: number;
  readonly inputs: JsonMap;
  readonly secrets: readonly SecretsLayer[];
  /** The `concurrency` of the called workflow itself. */
  readonly concurrency: readonly GroupRequest[];
}

/**
 * What a called workflow is called with.
 * @throws ExpressionError, KeyProblem
 */
export function evaluateCall(
  draft: FlowDraft,
  job: JobState,
  plan: CallJobPlan,
  contexts: InstanceContexts,
): EvaluatedCall {
  const scope = draft.scopes.get(job.scope);
  const { calls, workflows } = draft.input;
  const index = Object.hasOwn(calls, plan.uses) ? (calls[plan.uses] ?? -1) : -1;
  const workflow = workflows[index];
  if (!workflow) throw new KeyProblem(`The called workflow \`${plan.uses}\` is missing.`);
  const { maxDepth } = draft.limitsOf('');
  if (scope.depth + 1 > maxDepth)
    throw new KeyProblem(
      `Calling \`${plan.uses}\` would make more than ${maxDepth} levels of called workflows (\`limits.max-depth\`).`,
    );
  const trigger = Object.hasOwn(workflow.on, 'workflow_call') ? workflow.on['workflow_call'] : undefined;
  if (!trigger) throw new KeyProblem(`\`${plan.uses}\` cannot be called: it has no \`on.workflow_call\`.`);

  const { github, vars, inputs: callerInputs, needs, strategy, matrix } = contexts;
  const inputs = evaluateInputs(plan, trigger.inputs, contexts);
  const layer =
    plan.secrets === 'inherit'
      ? null
      : { secrets: plan.secrets, contexts: { inputs: callerInputs, needs, strategy, matrix } };
  return {
    workflow: index,
    inputs,
    secrets: layer ? [...scope.secrets, layer] : scope.secrets,
    concurrency: workflow.concurrency ? [evaluateGroup(workflow.concurrency, { github, vars, inputs })] : [],
  };
}

function evaluateInputs(
  plan: CallJobPlan,
  declared: Readonly<Record<string, InputPlan>>,
  contexts: InstanceContexts,
): JsonMap {
  const given = new Map(Object.entries(plan.with).map(([name, value]) => [name.toLowerCase(), { name, value }]));
  const inputs = Object.entries(declared).map(([name, input]) => {
    const value = given.get(name.toLowerCase());
    given.delete(name.toLowerCase());
    if (value) return [name, convert(name, input, evaluateTemplate(value.value, { contexts }))] as const;
    if (input.required) throw new KeyProblem(`\`${plan.uses}\` needs the input '${name}'.`);
    return [name, defaultOf(name, input, contexts)] as const;
  });
  for (const { name } of given.values()) throw new KeyProblem(`\`${plan.uses}\` has no input '${name}'.`);
  return Object.fromEntries(inputs);
}

function defaultOf(name: string, input: InputPlan, contexts: InstanceContexts): Json {
  const { github, vars, inputs } = contexts;
  const value = evaluateTemplate(input.default, { contexts: { github, vars, inputs } });
  if (value !== null) return convert(name, input, value);
  if (input.type === 'boolean') return false;
  return input.type === 'number' ? 0 : '';
}

/** As strict as GitHub: only text takes a value of another type. */
function convert(name: string, input: InputPlan, value: Json): Json {
  if (input.type === 'boolean' || input.type === 'number') {
    if (typeof value === input.type) return value;
    throw new KeyProblem(`The input '${name}' takes a ${input.type}, but it is ${kindOf(value)}.`);
  }
  return textOf(`with.${name}`, value);
}
