import type { FlowDraft } from './flow-draft.ts';
import type { ScopeState } from './flow-state.ts';

/**
 * Begins an execution of a workflow: its jobs, each with what it waits for, and a task for those that wait for nothing.
 * `selected`: ids in lower case of the only jobs to run; needs that are left out are not waited for.
 */
export function openScope(
  draft: FlowDraft,
  key: string,
  scope: Pick<ScopeState, 'workflow' | 'depth' | 'inputs' | 'secrets' | 'names'>,
  selected: ReadonlySet<string> | null,
): void {
  const plans = draft.input.workflows[scope.workflow]?.jobs ?? [];
  const entries = plans
    .map((plan, index) => ({ plan, index, path: key === '' ? plan.id : `${key}.${plan.id}` }))
    .filter(({ plan }) => selected === null || selected.has(plan.id.toLowerCase()));
  const paths = new Map(entries.map(({ plan, path }) => [plan.id.toLowerCase(), path]));
  const ids = new Map(plans.map((plan) => [plan.id.toLowerCase(), plan.id]));
  const dependants = new Map<string, string[]>(entries.map(({ path }) => [path, []]));

  draft.scopes.set(key, {
    ...scope,
    cancelled: null,
    jobs: entries.map(({ path }) => path),
    open: entries.length,
  });
  for (const { plan, index, path } of entries) {
    const needs = [...new Set(plan.needs.map((need) => need.toLowerCase()))].map((need) => ({
      id: ids.get(need) ?? need,
      path: paths.get(need) ?? null,
    }));
    const waitingFor = needs.flatMap((need) => need.path ?? []);
    for (const need of waitingFor) dependants.get(need)?.push(path);
    draft.jobs.set(path, {
      scope: key,
      id: plan.id,
      index,
      phase: 'pending',
      needs,
      waitingFor,
      dependants: [],
      strategy: { failFast: true, maxParallel: null },
      instances: [],
      result: null,
      outputs: {},
      lineage: { success: true, failure: false, cancelled: false },
    });
    if (waitingFor.length === 0) draft.tasks.push({ kind: 'begin', job: path });
  }
  for (const [path, waiting] of dependants) draft.jobs.update(path, { dependants: waiting });
  if (entries.length === 0) draft.tasks.push({ kind: 'close', scope: key });
}
