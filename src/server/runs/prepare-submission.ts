import type { ApiError, ApiResult } from '../../protocol/api-error.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { Diagnostic } from '../../protocol/diagnostic.ts';
import type { TriggerPlan, WorkflowPlan } from '../../protocol/plan.ts';
import type { SubmitRequest } from '../../protocol/run-api.ts';
import { didYouMean } from '../../workflow/close-name.ts';
import { EVENT_NAMES } from '../../workflow/events.ts';
import { type LoadedWorkflows, loadWorkflows, type ReadCalledWorkflow } from '../../workflow/load-workflows.ts';
import { InputProblem, resolveInputs } from '../../workflow/resolve-inputs.ts';
import type { NewRun, Submission } from './submit-run.ts';

export type PlainDiagnostic = NewRun['diagnostics'][number];

/** What a request says of the event, checked. */
export function eventOf({ event }: Pick<SubmitRequest, 'event'>): ApiResult<string> {
  if (EVENT_NAMES.includes(event)) return { ok: true, value: event };
  return refused(`there is no event '${event}'${didYouMean(event, EVENT_NAMES) || '.'}`);
}

/** Loads one workflow with what it calls, and makes it a run. Diagnostics of a broken one are the detail of the error. */
export async function prepareRun(
  main: { readonly path: string; readonly bytes: Uint8Array },
  request: Pick<SubmitRequest, 'event' | 'inputs' | 'job'>,
  read: ReadCalledWorkflow,
): Promise<ApiResult<NewRun>> {
  const loaded = await loadWorkflows({ name: main.path, bytes: main.bytes }, read);
  const [plan] = loaded.workflows;
  if (!plan) return brokenWorkflow(main.path, loaded);
  const { job } = request;
  if (job !== undefined && !plan.jobs.some(({ id }) => id.toLowerCase() === job.toLowerCase())) {
    const ids = plan.jobs.map(({ id }) => `'${id}'`).join(', ');
    return refused(`the workflow ${main.path} has no job '${job}'; it has ${ids}`);
  }
  try {
    const { workflows, calls } = loaded;
    const inputs = inputsOf(plan, request);
    return { ok: true, value: { path: main.path, workflows, calls, inputs, diagnostics: plain(loaded.diagnostics) } };
  } catch (error) {
    if (error instanceof InputProblem) return refused(error.message);
    throw error;
  }
}

/** What a submission is apart from its runs and its repository. */
export function wishesOf(
  request: SubmitRequest,
  actor: string,
): Omit<Submission, 'repository' | 'ref' | 'sha' | 'runs'> {
  return {
    actor,
    event: request.event,
    payload: request.payload as JsonMap,
    job: request.job ?? null,
    priority: request.priority,
    exclusive: request.exclusive,
    dedupeKey: request.dedupeKey ?? null,
  };
}

export function plain(diagnostics: readonly Diagnostic[]): PlainDiagnostic[] {
  return diagnostics.map(({ severity, message, file, line, column }) => ({ severity, message, file, line, column }));
}

export function refused(message: string, detail: ApiError['detail'] = null): ApiResult<never> {
  return { ok: false, error: { code: 'invalid', reason: null, message, detail } };
}

function brokenWorkflow(path: string, { diagnostics }: LoadedWorkflows): ApiResult<never> {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const message = `the workflow ${path} has ${errors === 1 ? 'an error' : `${errors} errors`}`;
  return refused(message, { diagnostics: plain(diagnostics) });
}

/** Inputs belong to a run that somebody starts; giving one says that somebody does, whatever the event is called. */
function inputsOf(plan: WorkflowPlan, { event, inputs }: Pick<SubmitRequest, 'event' | 'inputs'>): JsonMap {
  const byHand = event === 'workflow_dispatch' || event === 'workflow_call';
  if (!byHand && Object.keys(inputs).length === 0) return {};
  const named = byHand ? triggerOf(plan, event) : null;
  return resolveInputs(named ?? triggerOf(plan, 'workflow_dispatch') ?? triggerOf(plan, 'workflow_call'), inputs);
}

function triggerOf(plan: WorkflowPlan, event: string): TriggerPlan | null {
  return Object.hasOwn(plan.on, event) ? (plan.on[event] ?? null) : null;
}
