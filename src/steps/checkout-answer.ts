import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ExpressionError } from '../expressions/evaluate.ts';
import { isObject } from '../expressions/json.ts';
import type { Json } from '../protocol/job-message.ts';
import type { UsesStepPlan } from '../protocol/plan.ts';
import { evaluateGiven } from './action-inputs.ts';
import { cloneForCheckout, type CloneSource } from './checkout-clone.ts';
import { cloneRunRepository, originOf, type RunRepository } from './checkout-run-repository.ts';
import { readCheckoutRequest, type CheckoutRequest } from './checkout-request.ts';
import type { StepHandlerOptions } from './handler-options.ts';
import { DONE, failed, STOPPED } from './handler-result.ts';
import type { HandlerResult, StepHandler } from './step-handler.ts';
import { writeHeader } from './step-header.ts';
import type { StepProcesses } from './step-processes.ts';
import type { StepScope } from './step-scope.ts';

/** How `actions/checkout` is answered, whatever its version, and whether it can be had or not. */
export type CheckoutPolicy = InPlaceCheckout | RunRepositoryCheckout | { readonly kind: 'as-any-action' };

/** The workspace is somebody's work: used as it is, never cleaned, reset or switched to another commit. */
export interface InPlaceCheckout {
  readonly kind: 'in-place';
  /** `owner/name` of what is in the workspace; null when nobody knows. */
  readonly repository: string | null;
  /** What else is asked for is cloned from `BASE/OWNER/NAME`; anything git takes, also `git+https://…`. */
  readonly baseUrl: string;
  readonly offline: boolean;
}

/** The workspace is the runner's: the run's own repository is brought into it at the run's commit. */
export interface RunRepositoryCheckout {
  readonly kind: 'run-repository';
  /** Null: the run has none. */
  readonly repository: RunRepository | null;
  /** As with {@link InPlaceCheckout}. */
  readonly baseUrl: string;
  readonly offline: boolean;
}

/** Null where the action itself is to be run. */
export function createCheckoutAnswer(
  policy: CheckoutPolicy,
  options: StepHandlerOptions,
  processes: StepProcesses,
): StepHandler<UsesStepPlan> | null {
  if (policy.kind === 'as-any-action') return null;
  return async (step, scope) => {
    const { log, contexts, env } = scope;
    let inputs: ReadonlyMap<string, string>;
    try {
      inputs = await evaluateGiven(step.with, contexts, options.hashFiles);
    } catch (error) {
      if (error instanceof ExpressionError) return failed(log, 'condition-error', error.message);
      throw error;
    }
    if (scope.signal.aborted) return STOPPED;
    writeHeader(log, { uses: step.uses, inputs, env });
    const request = readCheckoutRequest(inputs, options.workspace, contexts);
    if ('problem' in request) return failed(log, 'start-failed', request.problem);
    const cloned = await (policy.kind === 'in-place'
      ? answerInPlace(request, policy, scope, options, processes)
      : answerFromRepository(request, policy, scope, options, processes));
    if (!('commit' in cloned)) return cloned;
    return withOutputs(DONE, { ref: cloned.ref ?? request.ref, commit: cloned.commit });
  };
}

type Answer = HandlerResult | { readonly commit: string; readonly ref?: string };

/**
 * Without `repository`, `ref` and `path`, or with what amounts to that, there is nothing to do. Everything else is
 * cloned into a folder of its own below the workspace.
 */
async function answerInPlace(
  request: CheckoutRequest,
  policy: InPlaceCheckout,
  scope: StepScope,
  { workspace }: StepHandlerOptions,
  processes: StepProcesses,
): Promise<Answer> {
  const { log, contexts } = scope;
  const here = contentsOf(policy, contexts);
  if (isHere(request, here) && request.path === '') {
    log.line(`The workspace ${workspace} is used as it is: nothing was fetched, cleaned or reset.`);
    return { ref: here.ref, commit: here.commit };
  }
  const source = await sourceOf(request, here, policy, workspace);
  if ('problem' in source) return failed(log, 'start-failed', source.problem);
  return cloneForCheckout(request, source, scope, workspace, processes);
}

/** The run's own repository, or another one as with a checkout in place. */
async function answerFromRepository(
  request: CheckoutRequest,
  { repository, baseUrl, offline }: RunRepositoryCheckout,
  scope: StepScope,
  { workspace, tempDirectory }: StepHandlerOptions,
  processes: StepProcesses,
): Promise<Answer> {
  const { log } = scope;
  const isOwn = request.repository === '' || request.repository.toLowerCase() === repository?.repository.toLowerCase();
  if (!isOwn) {
    const source = remoteSource(request.repository, request.ref || 'HEAD', { baseUrl, offline });
    if ('problem' in source) return failed(log, 'start-failed', source.problem);
    const ofSameHost = repository !== null && source.base === originOf(repository.url);
    const token = request.token || (ofSameHost ? (repository.token ?? '') : '');
    return cloneForCheckout({ ...request, token }, source, scope, workspace, processes);
  }
  if (repository === null) return failed(log, 'start-failed', NO_REPOSITORY);
  return cloneRunRepository(request, repository, { scope, workspace, tempDirectory, processes });
}

const NO_REPOSITORY =
  'This run has no repository that actions/checkout could fetch: submit it with `paceline submit --repository URL`, or leave actions/checkout out.';

interface Contents {
  readonly repository: string | null;
  readonly ref: string;
  readonly refName: string;
  readonly commit: string;
}

function contentsOf(policy: InPlaceCheckout, { github }: Readonly<Record<string, Json>>): Contents {
  const of = (name: string): string => {
    const value = github !== undefined && isObject(github) ? github[name] : null;
    return typeof value === 'string' ? value : '';
  };
  const repository = policy.repository ?? (of('repository') || null);
  return { repository, ref: of('ref'), refName: of('ref_name'), commit: of('sha') };
}

function isHere({ repository, ref }: CheckoutRequest, here: Contents): boolean {
  const sameRepository = repository === '' || repository.toLowerCase() === here.repository?.toLowerCase();
  return sameRepository && ['', here.ref, here.refName, here.commit].includes(ref);
}

/** The commit of the workspace comes out of its own git: it may not have been pushed yet. */
async function sourceOf(
  request: CheckoutRequest,
  here: Contents,
  { baseUrl, offline }: InPlaceCheckout,
  workspace: string,
): Promise<CloneSource | { readonly problem: string }> {
  if (isHere(request, here) && (await exists(join(workspace, '.git'))))
    return { url: workspace, base: '', ref: here.commit || 'HEAD' };
  const repository = request.repository || here.repository;
  if (repository === null)
    return { problem: 'Nobody said which repository this is, so actions/checkout needs its `repository`.' };
  return remoteSource(repository, request.ref || (isHere(request, here) && here.commit) || 'HEAD', {
    baseUrl,
    offline,
  });
}

function remoteSource(
  repository: string,
  ref: string,
  { baseUrl, offline }: Pick<InPlaceCheckout, 'baseUrl' | 'offline'>,
): CloneSource | { readonly problem: string } {
  if (offline)
    return { problem: `actions/checkout of ${repository} (${ref}) needs the network, and --offline forbids that.` };
  const base = baseUrl.replace(/^git\+/, '').replace(/\/+$/, '');
  return { url: `${base}/${repository}`, base, ref };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function withOutputs(result: HandlerResult, outputs: Readonly<Record<string, string>>): HandlerResult {
  return { ...result, effects: { ...result.effects, outputs: new Map(Object.entries(outputs)) } };
}
