import { evaluateTemplate, evaluateText } from '../expressions/evaluate.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { StepsJobPlan, Template } from '../protocol/plan.ts';
import { evaluateCall } from './evaluate-call.ts';
import { evaluateGroup } from './evaluate-group.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { RunsOn } from './flow-event.ts';
import type { InstanceSettings } from './instance-state.ts';
import type { JobState } from './job-state.ts';
import type { InstanceContexts } from './job-contexts.ts';
import { evaluateBoolean, evaluateCount, evaluateNumber, textOf, textsOf } from './typed-value.ts';

/** GitHub's default. */
const DEFAULT_TIMEOUT_MINUTES = 360;
/** GitHub ends every run by then: 35 days. */
const MAX_TIMEOUT_MINUTES = 35 * 24 * 60;

/**
 * The keys of a job that decide when and where an instance runs.
 * @throws ExpressionError, KeyProblem
 */
export function evaluateSettings(draft: FlowDraft, job: JobState, contexts: InstanceContexts): InstanceSettings {
  const plan = draft.planOf(job);
  const groups = plan.concurrency ? [evaluateGroup(plan.concurrency, contexts)] : [];
  if (plan.kind === 'call') {
    const { concurrency, ...call } = evaluateCall(draft, job, plan, contexts);
    return { kind: 'call', groups: [...groups, ...concurrency], ...call };
  }
  if (plan.kind !== 'steps') return { kind: 'body', groups };
  return { kind: 'steps', groups, ...evaluateSteps(plan, contexts) };
}

function evaluateSteps(
  plan: StepsJobPlan,
  contexts: InstanceContexts,
): Omit<InstanceSettings & { kind: 'steps' }, 'kind' | 'groups'> {
  const input = { contexts };
  // Looked at when it has failed, where there is no place for a sentence any more.
  evaluateCount('retry.max-attempts', plan.flow?.retry?.maxAttempts ?? null, input);
  const minutes = evaluateNumber('timeout-minutes', plan.timeoutMinutes, input) ?? DEFAULT_TIMEOUT_MINUTES;
  return {
    runsOn: evaluateRunsOn(plan.runsOn, contexts),
    environment: evaluateEnvironment(plan.environment, contexts),
    timeoutMinutes: minutes > 0 ? Math.min(minutes, MAX_TIMEOUT_MINUTES) : null,
    continueOnError:
      plan.flow?.failure === 'ignore' || (evaluateBoolean('continue-on-error', plan.continueOnError, input) ?? false),
  };
}

function evaluateRunsOn(template: Template, contexts: InstanceContexts): RunsOn {
  const value = evaluateTemplate(template, { contexts });
  if (!isMap(value)) return { labels: textsOf('runs-on', value), group: null };
  const group = textOf('runs-on.group', value['group'] ?? null);
  return { labels: textsOf('runs-on.labels', value['labels'] ?? null), group: group === '' ? null : group };
}

/** The name only: the URL is evaluated when the job has run. */
function evaluateEnvironment(template: Template, contexts: InstanceContexts): string | null {
  const input = { contexts };
  const name = isMap(template) ? evaluateText(template['name'] ?? null, input) : evaluateText(template, input);
  return name === '' ? null : name;
}

function isMap(value: Json): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
