import { evaluateTemplate, toText } from '../expressions/evaluate.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { JobPlan } from '../protocol/plan.ts';
import { expandMatrix } from '../workflow/expand-matrix.ts';
import { bareName, instanceName } from './display-name.ts';
import { evaluateSettings } from './evaluate-settings.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowOptions } from './flow-input.ts';
import type { InstanceState } from './instance-state.ts';
import type { JobContexts } from './job-contexts.ts';
import { keptResult } from './kept-job.ts';
import { attempt, KeyProblem } from './key-problem.ts';
import { sayWaits } from './gates.ts';
import { instanceKey } from './keys.ts';
import type { Ending } from './main-part.ts';
import { tellEarly } from './end-iteration.ts';
import { OVER_LIMIT } from './run-limits.ts';
import { settleInstance } from './settle-instance.ts';
import { evaluateBoolean, evaluateCount, evaluateNumber } from './typed-value.ts';

/**
 * Jobs that a worker gets, and called workflows. Matrices inside called workflows inside matrices multiply; this ends it.
 * No setting of a server takes more.
 */
const MAX_INSTANCES_PER_RUN = 10_000;

/** Evaluates the strategy of an iteration and makes its instances. One whose keys cannot be evaluated fails by itself. */
export function openInstances(draft: FlowDraft, iterationKey: string, contexts: JobContexts): Ending | null {
  const { job: path } = draft.iterations.get(iterationKey);
  const plan = draft.planOf(draft.jobs.get(path));
  const strategy = attempt(() => evaluateStrategy(plan, contexts));
  if (strategy.kind === 'problem') return failed(strategy.message);
  const { variants, failFast, maxParallel } = strategy.value;
  const chosen = variants.filter((variant) => isChosen(variant.matrix, draft.input.options));
  const isDynamic = plan.strategy?.multiple?.dynamic === true;
  if (isDynamic) chosen.push(...addedBefore(draft, iterationKey, variants.length, strategy.value));
  if (chosen.length === 0 && !isDynamic) {
    const message = variants.length === 0 ? 'It has no instances.' : 'No instance of its matrix was asked for.';
    return { conclusion: 'skipped', reason: 'condition', message };
  }
  if (!failFast || maxParallel !== null) draft.iterations.update(iterationKey, { strategy: { failFast, maxParallel } });
  const problem = addInstances(draft, iterationKey, chosen, contexts);
  if (problem !== null) return { ...OVER_LIMIT, message: problem };
  if (plan.strategy?.multiple?.sync === false) tellEarly(draft, iterationKey);
  if (chosen.length === 0) sayWaits(draft, iterationKey, { kind: 'instances' });
  return null;
}

/** Of a job that is kept: the instances that were added to it in an earlier attempt of the run. */
function addedBefore(
  draft: FlowDraft,
  iterationKey: string,
  from: number,
  rest: Omit<Strategy, 'variants'>,
): Variant[] {
  if (keptResult(draft, iterationKey) === null) return [];
  // The key of an iteration that is kept is the path of its job.
  const matrices = draft.input.options.left?.matrices[iterationKey] ?? [];
  return matrices.slice(from).map((matrix, index) => numbered(from + index, matrix, matrices.length, rest));
}

/** Instances beyond those that there are. A sentence when they would be too many. */
export function addInstances(
  draft: FlowDraft,
  iterationKey: string,
  variants: readonly Variant[],
  contexts: JobContexts,
): string | null {
  if (draft.instances.size + variants.length > MAX_INSTANCES_PER_RUN)
    return `The run would have more than ${MAX_INSTANCES_PER_RUN} jobs.`;
  const opened = variants.map((variant) => openInstance(draft, iterationKey, variant, contexts));
  const iteration = draft.iterations.get(iterationKey);
  const instances = [...iteration.instances, ...opened.map(({ key }) => key)];
  draft.iterations.update(iterationKey, { instances, open: iteration.open + opened.length });
  draft.jobs.update(iteration.job, { instances });
  for (const { key, problem } of opened)
    if (problem !== null)
      settleInstance(
        draft,
        key,
        { conclusion: 'failure', reason: 'condition-error' },
        { announce: true, message: problem },
      );
  draft.push({ kind: 'advance', iteration: iterationKey });
  return null;
}

function failed(message: string): Ending {
  return { conclusion: 'failure', reason: 'condition-error', message };
}

export interface Variant {
  readonly number: number;
  readonly matrix: JsonMap | null;
  readonly label: string;
  readonly strategy: JsonMap;
}

interface Strategy {
  readonly variants: readonly Variant[];
  readonly failFast: boolean;
  readonly maxParallel: number | null;
}

function evaluateStrategy(plan: JobPlan, contexts: JobContexts): Strategy {
  const input = { contexts };
  const matrix = evaluateTemplate(plan.strategy?.matrix ?? null, input);
  const multiple = plan.strategy?.multiple;
  // Who wants so many of them bears that others fail.
  const failFast = evaluateBoolean('fail-fast', plan.strategy?.failFast ?? null, input) ?? !multiple?.completeWhen;
  const limit = evaluateNumber('max-parallel', plan.strategy?.maxParallel ?? null, input) ?? 0;
  const maxParallel = limit >= 1 ? Math.floor(limit) : null;
  // Looked at again whenever an instance has ended.
  evaluateCount('complete-when.count', multiple?.completeWhen?.count ?? null, input);
  if (multiple && multiple.instances !== null) {
    const count = evaluateCount('instances', multiple.instances, input) ?? 0;
    if (!Number.isInteger(count) || count < 0) throw new KeyProblem('`instances` takes a whole number, 0 or more.');
    // One too many is refused like ten thousand.
    const numbers = Array.from({ length: Math.min(count, MAX_INSTANCES_PER_RUN + 1) }, (_, index) => index);
    const rest = { failFast, maxParallel };
    return { variants: numbers.map((index) => numbered(index, null, count, rest)), ...rest };
  }
  const { instances, labels } = matrix === null ? { instances: [], labels: [] } : expand(matrix);
  const total = Math.max(instances.length, 1);
  const strategyContext = (index: number): JsonMap => ({
    'fail-fast': failFast,
    'job-index': index,
    'job-total': total,
    'max-parallel': instances.length === 0 ? 1 : (maxParallel ?? total),
  });
  // As on GitHub, a matrix of which everything is excluded leaves the job as it would be without one.
  const variants =
    instances.length === 0
      ? [{ number: 0, matrix: null, label: '', strategy: strategyContext(0) }]
      : instances.map((instance, index) => ({
          number: index + 1,
          matrix: instance,
          label: labels[index] ?? '',
          strategy: strategyContext(index),
        }));
  return { variants, failFast, maxParallel };
}

function expand(
  matrix: Parameters<typeof expandMatrix>[0],
): Exclude<ReturnType<typeof expandMatrix>, { problem: string }> {
  const expanded = expandMatrix(matrix);
  if ('problem' in expanded) throw new KeyProblem(`${expanded.problem}.`);
  return expanded;
}

function isChosen(matrix: JsonMap | null, { matrix: filters }: FlowOptions): boolean {
  return filters.every(({ key }) => {
    if (matrix === null || !Object.hasOwn(matrix, key)) return true;
    const value = toText(matrix[key] ?? null);
    return filters.some((filter) => filter.key === key && filter.value === value);
  });
}

/** An instance that has only a number, or what it was added with. */
export function numbered(
  index: number,
  item: JsonMap | null,
  total: number,
  { failFast, maxParallel }: Omit<Strategy, 'variants'>,
): Variant {
  return {
    number: index + 1,
    matrix: item,
    label: String(index + 1),
    strategy: { 'fail-fast': failFast, 'job-index': index, 'job-total': total, 'max-parallel': maxParallel ?? total },
  };
}

function openInstance(
  draft: FlowDraft,
  iterationKey: string,
  variant: Variant,
  jobContexts: JobContexts,
): { readonly key: string; readonly problem: string | null } {
  const { job: path, number } = draft.iterations.get(iterationKey);
  const plan = draft.planOf(draft.jobs.get(path));
  const key = instanceKey(path, variant.number, number);
  const contexts = { ...jobContexts, strategy: variant.strategy, matrix: variant.matrix };
  const name = attempt(() => instanceName(plan, variant.label, { contexts }));
  const settings = attempt(() => evaluateSettings(draft, draft.jobs.get(path), contexts));
  const instance: InstanceState = {
    job: path,
    iteration: iterationKey,
    number: variant.number,
    attempt: 1,
    carried: {},
    name: name.kind === 'value' ? name.value : bareName(plan, { contexts: jobContexts }),
    matrix: variant.matrix,
    strategy: variant.strategy,
    settings: settings.kind === 'value' ? settings.value : { kind: 'none', groups: [] },
    groupsHeld: 0,
    status: { kind: 'waiting' },
  };
  draft.instances.set(key, instance);
  const problem = [name, settings].find((evaluated) => evaluated.kind === 'problem');
  return { key, problem: problem?.message ?? null };
}
