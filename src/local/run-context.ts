import type { Clock } from '../kernel/clock.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { TriggerPlan, WorkflowPlan } from '../protocol/plan.ts';
import { didYouMean } from '../workflow/close-name.ts';
import { EVENT_NAMES } from '../workflow/events.ts';
import { InputProblem, resolveInputs } from '../workflow/resolve-inputs.ts';
import type { GitState } from './git-state.ts';
import { type LocalContext, localContext } from './local-context.ts';
import { repositoryOf } from './repository-of.ts';
import { readPayload } from './read-payload.ts';
import type { RunOptions } from './run-options.ts';
import { tokenOf } from '../worker/token-of.ts';
import { UsageError } from './usage-error.ts';

export interface RunContext extends LocalContext {
  readonly inputs: JsonMap;
  readonly eventName: string;
  readonly runId: string;
  /** `owner/name` as the checkout's remote names it; null when it has none. */
  readonly repository: string | null;
}

const DEFAULT_EVENT = 'push';

/** What the run is told about why and where it runs. Throws a `UsageError` for inputs and a payload that do not fit. */
export async function runContext(
  plan: WorkflowPlan,
  options: RunOptions,
  git: GitState | null,
  clock: Clock,
): Promise<RunContext> {
  const eventName = options.event ?? DEFAULT_EVENT;
  if (!EVENT_NAMES.includes(eventName))
    throw new UsageError(`There is no event '${eventName}'${didYouMean(eventName, EVENT_NAMES) || '.'}`);
  const job = options.job?.toLowerCase();
  if (job !== undefined && !plan.jobs.some(({ id }) => id.toLowerCase() === job)) {
    const ids = plan.jobs.map(({ id }) => `'${id}'`).join(', ');
    throw new UsageError(`The workflow has no job '${options.job ?? ''}'; it has ${ids}.`);
  }
  const remote = git?.remoteUrl ? repositoryOf(git.remoteUrl) : null;
  const inputs = inputsOf(plan, eventName, options.inputs);
  const runId = String(clock.now());
  const local = localContext({
    git,
    workspace: options.workspace,
    workflowFile: options.file,
    workflowName: plan.name,
    eventName,
    payload: options.eventPath === null ? null : await readPayload(options.eventPath),
    inputs,
    runId,
    token: tokenOf(options.secrets) ?? '',
    userName: options.userName,
  });
  return { ...local, inputs, eventName, runId, repository: remote?.fullName ?? null };
}

/** Inputs belong to a run that somebody starts; giving one says that somebody does, whatever the event is called. */
function inputsOf(plan: WorkflowPlan, eventName: string, given: Readonly<Record<string, string>>): JsonMap {
  const byHand = eventName === 'workflow_dispatch' || eventName === 'workflow_call';
  if (!byHand && Object.keys(given).length === 0) return {};
  const named = byHand ? triggerOf(plan, eventName) : null;
  try {
    return resolveInputs(named ?? triggerOf(plan, 'workflow_dispatch') ?? triggerOf(plan, 'workflow_call'), given);
  } catch (error) {
    if (!(error instanceof InputProblem)) throw error;
    const { message, missing } = error;
    const wayOut = missing === null ? '' : ` Give --input ${missing}=VALUE.`;
    throw new UsageError(`${message}${wayOut}`, { cause: error });
  }
}

function triggerOf(plan: WorkflowPlan, event: string): TriggerPlan | null {
  return Object.hasOwn(plan.on, event) ? (plan.on[event] ?? null) : null;
}
