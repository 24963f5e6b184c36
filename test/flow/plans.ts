import type { JsonMap } from '../../src/protocol/job-message.ts';
import type {
  CallJobPlan,
  ConcurrencyPlan,
  JobPlan,
  StepsJobPlan,
  StrategyPlan,
  Template,
  TriggerPlan,
  WorkflowPlan,
} from '../../src/protocol/plan.ts';
import { RUN_EVERYTHING, type FlowInput, type FlowOptions } from '../../src/flow/flow-input.ts';

/** What a test says of a job; the rest is as if it were not written. */
export type JobSketch = Partial<Omit<StepsJobPlan, 'kind' | 'id' | 'strategy' | 'concurrency'>> &
  Partial<Pick<CallJobPlan, 'uses' | 'with' | 'secrets'>> & {
    readonly matrix?: Template;
    readonly strategy?: Partial<StrategyPlan>;
    readonly concurrency?: Template | ConcurrencyPlan;
  };

export function workflow(jobs: Readonly<Record<string, JobSketch>>, more: Partial<WorkflowPlan> = {}): WorkflowPlan {
  return {
    path: 'test.yml',
    name: null,
    runName: null,
    on: {},
    env: {},
    defaults: { shell: null, workingDirectory: null },
    concurrency: null,
    permissions: null,
    jobs: Object.entries(jobs).map(([id, sketch]) => jobPlan(id, sketch)),
    ...more,
  };
}

/** A workflow that may be called. */
export function callable(
  jobs: Readonly<Record<string, JobSketch>>,
  trigger: Partial<TriggerPlan> = {},
  more: Partial<WorkflowPlan> = {},
): WorkflowPlan {
  const on: TriggerPlan = {
    types: null,
    branches: null,
    branchesIgnore: null,
    tags: null,
    tagsIgnore: null,
    paths: null,
    pathsIgnore: null,
    workflows: null,
    schedules: [],
    inputs: {},
    secrets: {},
    outputs: {},
    ...trigger,
  };
  return workflow(jobs, { on: { workflow_call: on }, ...more });
}

/** `called` are reached by their names as `uses`. */
export function input(
  root: WorkflowPlan,
  called: Readonly<Record<string, WorkflowPlan>> = {},
  options: Partial<FlowOptions> = {},
  contexts: { github?: JsonMap; inputs?: JsonMap; vars?: JsonMap } = {},
): FlowInput {
  return {
    workflows: [root, ...Object.values(called)],
    calls: Object.fromEntries(Object.keys(called).map((uses, index) => [uses, index + 1])),
    contexts: { github: {}, inputs: {}, vars: {}, ...contexts },
    options: { ...RUN_EVERYTHING, ...options },
  };
}

function jobPlan(id: string, sketch: JobSketch): JobPlan {
  const { matrix, strategy, concurrency, uses, with: inputs, secrets, ...rest } = sketch;
  const base = {
    id,
    position: { file: 'test.yml', line: 1, column: 1 },
    name: null,
    needs: [],
    if: null,
    permissions: null,
    strategy:
      matrix === undefined && strategy === undefined
        ? null
        : { matrix: matrix ?? null, failFast: null, maxParallel: null, ...strategy },
    concurrency: concurrency === undefined ? null : concurrencyPlan(concurrency),
  };
  if (uses !== undefined) return { kind: 'call', ...base, uses, with: inputs ?? {}, secrets: secrets ?? {}, ...rest };
  return {
    kind: 'steps',
    ...base,
    runsOn: 'ubuntu-latest',
    environment: null,
    env: {},
    defaults: { shell: null, workingDirectory: null },
    outputs: {},
    timeoutMinutes: null,
    continueOnError: null,
    container: null,
    services: null,
    steps: [],
    ...rest,
  };
}

function concurrencyPlan(concurrency: Template | ConcurrencyPlan): ConcurrencyPlan {
  return typeof concurrency === 'object' && concurrency !== null && 'group' in concurrency
    ? ({ cancelInProgress: null, ...concurrency } as ConcurrencyPlan)
    : { group: concurrency, cancelInProgress: null };
}
