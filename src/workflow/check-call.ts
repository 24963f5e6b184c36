import type { Diagnostic } from '../protocol/diagnostic.ts';
import type { CallJobPlan, WorkflowPlan } from '../protocol/plan.ts';

/** What can be said of a call before anything runs: whether the workflow may be called, with these inputs and secrets. */
export function checkCall(call: CallJobPlan, called: WorkflowPlan): Diagnostic[] {
  const trigger = Object.hasOwn(called.on, 'workflow_call') ? called.on.workflow_call : undefined;
  if (!trigger) return [problem(call, `'${call.uses}' cannot be called: it has no 'workflow_call' under 'on'`)];
  const problems: Diagnostic[] = [];
  const declared = namesOf(trigger.inputs);
  const given = namesOf(call.with);
  for (const [key, name] of given)
    if (!declared.has(key)) problems.push(problem(call, `'${call.uses}' has no input '${name}'`));
  for (const [name, input] of Object.entries(trigger.inputs))
    if (input.required && !given.has(name.toLowerCase()))
      problems.push(problem(call, `'${call.uses}' requires the input '${name}'`));
  if (call.secrets === 'inherit') return problems;
  const passed = namesOf(call.secrets);
  const secrets = namesOf(trigger.secrets);
  for (const [key, name] of passed)
    if (!secrets.has(key)) problems.push(problem(call, `'${call.uses}' declares no secret '${name}'`));
  for (const [name, secret] of Object.entries(trigger.secrets))
    if (secret.required && !passed.has(name.toLowerCase()))
      problems.push(problem(call, `'${call.uses}' requires the secret '${name}'`));
  return problems;
}

/** Names of inputs and secrets do not differ by case. */
function namesOf(map: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map(Object.keys(map).map((name) => [name.toLowerCase(), name]));
}

function problem(call: CallJobPlan, message: string): Diagnostic {
  return { severity: 'error', message, ...call.position, length: 1, rule: 'called-workflow' };
}
