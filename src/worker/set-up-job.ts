import { ExpressionError, type EvaluationInput } from '../expressions/evaluate.ts';
import { createStepHandlers, type JobHandlers } from '../steps/create-handlers.ts';
import { createHashFiles } from '../steps/hash-files.ts';
import type { StepHandlerOptions } from '../steps/handler-options.ts';
import { JobState } from '../steps/job-state.ts';
import { annotation } from '../steps/own-annotation.ts';
import { plainEnd, type StepEnd } from '../steps/step-end.ts';
import type { StepFrame } from '../steps/step-frame.ts';
import type { ActionStage } from '../steps/step-handler.ts';
import type { StepLog } from '../steps/step-log.ts';
import { findBudgetProblem } from '../config/budgets.ts';
import { type JobContexts, jobContexts } from './job-contexts.ts';
import { evaluateDefaults, evaluateJobEnvironment, findUnsupported } from './job-environment.ts';
import type { JobPremises } from './job-premises.ts';
import type { JobResources, OpenResources } from './job-resources.ts';
import { withDotenv } from './parse-dotenv.ts';
import { describeJob } from './set-up-text.ts';

/** A job whose steps can run. */
export interface ReadyJob {
  readonly contexts: JobContexts;
  readonly frame: StepFrame;
  readonly handlers: JobHandlers;
  readonly handlerOptions: StepHandlerOptions;
  /** In declared order. */
  readonly preStages: readonly ActionStage[];
}

export interface SetUp {
  readonly end: StepEnd;
  /** Null when no step of the job may run. */
  readonly job: ReadyJob | null;
}

/** The work of "Set up job" (runner-behaviour 2.1). Whatever is opened is in `resources`, also after a failure. */
export async function setUpJob(premises: JobPremises, resources: JobResources, log: StepLog): Promise<SetUp> {
  const { host, stop } = premises;
  const failed = (reason: 'start-failed' | 'condition-error' | 'not-supported', message: string): SetUp => {
    log.annotate(annotation('error', message));
    return { end: plainEnd('failure', reason), job: null };
  };
  log.line(describeJob(premises).join('\n'));
  const budget = findBudgetProblem(host.config);
  if (budget !== null) return failed('start-failed', `The configuration of this runner cannot work: ${budget.message}`);
  const unprepared = (await host.prepareWorkspace?.()) ?? null;
  if (unprepared !== null) return failed('start-failed', unprepared);
  const opened = await resources.open(premises.message.event);
  if ('problem' in opened) return failed('start-failed', opened.problem);
  try {
    const ready = await prepare(premises, opened, log);
    if (typeof ready === 'string') return failed('not-supported', ready);
    if (!stop.cancel.aborted) return { end: plainEnd('success', null), job: ready };
    log.line('Cancelled with the job.');
    return { end: plainEnd('cancelled', 'job-cancelled'), job: null };
  } catch (error) {
    if (error instanceof ExpressionError) return failed('condition-error', error.message);
    throw error;
  }
}

/** A sentence for what is not supported. @throws ExpressionError */
async function prepare(
  premises: JobPremises,
  { tempDirectory, processes }: OpenResources,
  log: StepLog,
): Promise<ReadyJob | string> {
  const { message, host, budgets, masker, debug } = premises;
  const { clock, workspace } = host;
  const contexts = jobContexts(message, { host, tempDirectory, debug });
  const input: EvaluationInput = { contexts: contexts.ofJob };
  // What an earlier attempt left is newer than what the file says.
  const env = new Map([...evaluateJobEnvironment(message.env, input), ...retryState(message)]);
  const withEnv = { ...contexts.ofJob, env: Object.fromEntries(env) };
  const defaults = evaluateDefaults(message.defaults, { contexts: withEnv });
  const unsupported = findUnsupported(message.job, input);
  if (unsupported !== null) return unsupported;
  const hashFiles = createHashFiles({ workspace, clock });
  const handlerOptions: StepHandlerOptions = {
    jobId: host.jobId,
    workspace,
    tempDirectory,
    baseEnvironment: withDotenv(host.baseEnvironment, host.dotenv),
    event: message.event,
    defaults,
    actions: host.actions,
    checkout: host.checkout,
    node: host.node,
    nodeRuntimes: host.config.nodeRuntimes,
    hashFiles,
    mask: (text) => masker.mask(text),
    requestOfFlow: (request) => premises.events.requestOfFlow(request),
    clock,
  };
  const handlers = createStepHandlers(handlerOptions);
  const frame: StepFrame = {
    state: new JobState({ env, path: [], jobStatus: null }),
    contexts: contexts.ofStep,
    hashFiles,
    processes,
    ladder: budgets.ladder,
    clock,
    graceMs: budgets.coordinatorGraceMs,
  };
  const preStages = await handlers.preStages({
    steps: message.job.steps,
    contexts: { ...withEnv, steps: {} },
    signal: premises.stop.cancel,
    onLoaded: (line) => log.line(line),
  });
  return { contexts, frame, handlers, handlerOptions, preStages };
}

/** What an earlier attempt left for this one, as environment. */
function retryState({ contexts }: JobPremises['message']): [string, string][] {
  const { state } = contexts.flow ?? {};
  if (typeof state !== 'object' || state === null) return [];
  return Object.entries(state).flatMap(([name, value]) =>
    typeof value === 'string' && name.toUpperCase() !== 'NODE_OPTIONS' ? [[name, value]] : [],
  );
}
