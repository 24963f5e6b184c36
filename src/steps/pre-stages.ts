import type { Json } from '../protocol/job-message.ts';
import type { StepPlan, UsesStepPlan } from '../protocol/plan.ts';
import type { ActionInstance } from './action-instance.ts';
import { isCheckout } from './checkout-request.ts';
import type { HandlerContext } from './handler-context.ts';
import type { ActionStage } from './step-handler.ts';
import { nameNow } from './step-name-now.ts';
import { MAX_COMPOSITE_DEPTH } from './uses-handler.ts';

export interface PreStageRequest {
  /** Of the job. */
  readonly steps: readonly StepPlan[];
  /** For the names of the stages. */
  readonly contexts: Readonly<Record<string, Json>>;
  readonly signal: AbortSignal;
  /** A line for the log of the set-up about each action that was loaded. */
  readonly onLoaded: (line: string) => void;
}

/**
 * Loads the actions of other repositories, inner ones too, and collects their pre stages in declared order. Local
 * actions have none: they are not there yet when pre stages run (runner-behaviour 2.2). A composite action has one when
 * an inner action has one.
 */
export async function collectPreStages(
  request: PreStageRequest,
  context: HandlerContext,
): Promise<readonly ActionStage[]> {
  const instances = await loadAll(request.steps, null, request, context);
  return instances.filter(hasPre).map((instance) => ({
    step: instance.step,
    displayName: `Pre ${nameNow(instance.step, request.contexts)}`,
    condition: instance.conditionOf('pre'),
    run: (scope) => context.runStage('pre', instance, scope),
  }));
}

/** At once: whoever asks for the same action shares its fetch. */
async function loadAll(
  steps: readonly StepPlan[],
  parent: ActionInstance | null,
  request: PreStageRequest,
  context: HandlerContext,
): Promise<ActionInstance[]> {
  const remote = steps.filter((step) => step.kind === 'uses').filter(({ uses }) => isRemote(uses, context));
  const loaded = await Promise.all(remote.map((step) => loadOne(step, parent, request, context)));
  return loaded.filter((instance) => instance !== null);
}

function isRemote(uses: string, { answerCheckout }: HandlerContext): boolean {
  return !uses.startsWith('.') && !uses.startsWith('docker://') && !(answerCheckout !== null && isCheckout(uses));
}

/** Null for a problem, which is left to the step itself. */
async function loadOne(
  step: UsesStepPlan,
  parent: ActionInstance | null,
  request: PreStageRequest,
  context: HandlerContext,
): Promise<ActionInstance | null> {
  const load = await context.actions.load(step.uses, request.signal);
  if (load.kind === 'problem') return null;
  const instance = context.actions.instanceOf(step, load.action, parent);
  request.onLoaded(`Action ${step.uses} is in ${load.action.directory}`);
  const { runs } = load.action.manifest;
  if (runs.using === 'composite' && instance.depth < MAX_COMPOSITE_DEPTH && !isInsideItself(instance)) {
    const children = await loadAll(runs.steps, instance, request, context);
    instance.pres.push(...children.filter(hasPre));
  }
  return instance;
}

function hasPre({ action, pres }: ActionInstance): boolean {
  const { runs } = action.manifest;
  return runs.using === 'node' ? runs.pre !== null : pres.length > 0;
}

/** An action that uses itself would be looked into again and again; its main stage meets the depth limit. */
function isInsideItself(instance: ActionInstance): boolean {
  for (let outer = instance.parent; outer !== null; outer = outer.parent)
    if (outer.action.uses === instance.action.uses) return true;
  return false;
}
