import { evaluateTemplate, toText } from '../expressions/evaluate.ts';
import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import { jobKey, type JsonMap } from '../protocol/job-message.ts';
import type { JobPlan } from '../protocol/plan.ts';
import { expandMatrix } from '../workflow/expand-matrix.ts';
import { bareName, instanceName } from './display-name.ts';
import { evaluateSettings } from './evaluate-settings.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowOptions } from './flow-input.ts';
import type { InstanceState } from './flow-state.ts';
import type { JobContexts } from './job-contexts.ts';
import { attempt, KeyProblem } from './key-problem.ts';
import { settleInstance } from './settle.ts';
import { evaluateBoolean, evaluateNumber } from './typed-value.ts';

/** Matrices inside called workflows inside matrices multiply; this ends it. */
const MAX_INSTANCES_PER_RUN = 10_000;

/** How and why a job ends without instances. */
export interface Ending {
  readonly conclusion: JobConclusion;
  readonly reason: Reason;
  readonly message: string | null;
}

/** Evaluates the job's strategy and makes its instances. One whose keys cannot be evaluated fails by itself. */
export function openInstances(draft: FlowDraft, path: string, contexts: JobContexts): Ending | null {
  const job = draft.jobs.get(path);
  const plan = draft.planOf(job);
  const strategy = attempt(() => evaluateStrategy(plan, contexts));
  if (strategy.kind === 'problem') return failed(strategy.message);
  const { variants, failFast, maxParallel } = strategy.value;
  const chosen = variants.filter((variant) => isChosen(variant.matrix, draft.input.options));
  if (chosen.length === 0) {
    return { conclusion: 'skipped', reason: 'condition', message: 'No instance of its matrix was asked for.' };
  }
  if (draft.instances.size + chosen.length > MAX_INSTANCES_PER_RUN) {
    return failed(`The run would have more than ${MAX_INSTANCES_PER_RUN} jobs.`);
  }

  const opened = chosen.map((variant) => openInstance(draft, path, plan, variant, contexts));
  draft.jobs.update(path, {
    phase: 'open',
    strategy: { failFast, maxParallel },
    instances: opened.map(({ key }) => key),
  });
  for (const { key, problem } of opened) {
    if (problem !== null)
      settleInstance(draft, key, 'failure', 'condition-error', { announce: true, message: problem });
  }
  draft.tasks.push({ kind: 'advance', job: path });
  return null;
}

function failed(message: string): Ending {
  return { conclusion: 'failure', reason: 'condition-error', message };
}

interface Variant {
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
  const failFast = evaluateBoolean('fail-fast', plan.strategy?.failFast ?? null, input) ?? true;
  const limit = evaluateNumber('max-parallel', plan.strategy?.maxParallel ?? null, input) ?? 0;
  const maxParallel = limit >= 1 ? Math.floor(limit) : null;
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

function openInstance(
  draft: FlowDraft,
  path: string,
  plan: JobPlan,
  variant: Variant,
  jobContexts: JobContexts,
): { readonly key: string; readonly problem: string | null } {
  const key = jobKey(path, variant.number);
  const contexts = { ...jobContexts, strategy: variant.strategy, matrix: variant.matrix };
  const name = attempt(() => instanceName(plan, variant.label, { contexts }));
  const settings = attempt(() => evaluateSettings(draft, draft.jobs.get(path), contexts));
  const instance: InstanceState = {
    job: path,
    number: variant.number,
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
