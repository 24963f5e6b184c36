import { DEFAULT_MAX_ITERATIONS, type StagePlan } from '../protocol/flow-plan.ts';
import type {
  CallJobPlan,
  ConcurrencyPlan,
  JobPlan,
  LoopJobPlan,
  RunDefaults,
  StepsJobPlan,
  StrategyPlan,
  WorkflowPlan,
} from '../protocol/plan.ts';
import { needsOf } from './check-needs.ts';
import { kindOfJob } from './job-kind.ts';
import { durationOf, lowerInstances, lowerJobFlow, lowerWorkflowFlow } from './lower-flow.ts';
import { lowerStages } from './lower-stages.ts';
import { lowerSteps } from './lower-steps.ts';
import {
  conditionText,
  optionalText,
  propertyOf,
  templateMap,
  templateOf,
  textMap,
  textTemplate,
} from './lower-template.ts';
import { lowerTriggers } from './lower-triggers.ts';
import type { ProblemList } from './problem-list.ts';
import { integerOf } from './read-stages.ts';
import { child, entriesOf, stringOf, type MapEntry, type YamlNode } from './yaml-node.ts';

/** The plan of a workflow that was checked and has no errors. */
export function lowerWorkflow(root: YamlNode, file: string, problems: ProblemList): WorkflowPlan {
  const nested = (jobs: YamlNode | null): readonly JobPlan[] => lowerJobs(jobs, new Map(), problems);
  const flow = lowerWorkflowFlow(root, nested);
  return {
    path: file,
    name: optionalText(child(root, 'name')),
    runName: optionalText(child(root, 'run-name')),
    on: lowerTriggers(child(root, 'on')),
    env: textMap(child(root, 'env')),
    defaults: lowerDefaults(child(root, 'defaults')),
    concurrency: lowerConcurrency(child(root, 'concurrency')),
    permissions: templateOf(child(root, 'permissions')),
    jobs: lowerJobs(child(root, 'jobs'), lowerStages(root), problems),
    ...(flow ? { flow } : {}),
  };
}

/** @param stages By the ids of the jobs that have one. */
function lowerJobs(
  jobs: YamlNode | null,
  stages: ReadonlyMap<string, StagePlan>,
  problems: ProblemList,
): readonly JobPlan[] {
  return entriesOf(jobs).map((entry) => lowerJob(entry, stages.get(entry.key) ?? null, problems));
}

function lowerJob({ key: id, keySpan, value: job }: MapEntry, stage: StagePlan | null, problems: ProblemList): JobPlan {
  const get = (key: string): YamlNode | null => child(job, key);
  const nested = (jobs: YamlNode | null): readonly JobPlan[] => lowerJobs(jobs, new Map(), problems);
  const flow = lowerJobFlow(job, stage, nested);
  const base = {
    id,
    position: problems.position(keySpan.start),
    name: optionalText(get('name')),
    needs: [...new Set(needsOf(job).map(({ value }) => value))],
    if: conditionText(get('if')),
    strategy: lowerStrategy(get('strategy')),
    concurrency: lowerConcurrency(get('concurrency')),
    permissions: templateOf(get('permissions')),
    ...(flow ? { flow } : {}),
  };
  switch (kindOfJob(job)) {
    case 'steps':
      return { ...base, ...lowerStepsJob(get, problems) };
    case 'call':
      return { ...base, ...lowerCallJob(get) };
    case 'loop':
      return { ...base, ...lowerLoopJob(get, nested) };
    case 'gate':
      return { ...base, kind: 'gate', outputs: textMap(get('outputs')) };
  }
}

function lowerLoopJob(
  get: (key: string) => YamlNode | null,
  nested: (jobs: YamlNode | null) => readonly JobPlan[],
): Omit<LoopJobPlan, keyof JobBase> {
  const loop = get('loop');
  return {
    kind: 'loop',
    while: conditionText(child(loop, 'while')),
    until: conditionText(child(loop, 'until')),
    maxIterations: integerOf(child(loop, 'max-iterations')) ?? DEFAULT_MAX_ITERATIONS,
    vars: templateMap(child(loop, 'vars')),
    jobs: nested(child(loop, 'jobs')),
    outputs: textMap(get('outputs')),
  };
}

function lowerStepsJob(
  get: (key: string) => YamlNode | null,
  problems: ProblemList,
): Omit<StepsJobPlan, keyof JobBase> {
  return {
    kind: 'steps',
    runsOn: textTemplate(get('runs-on')),
    environment: templateOf(get('environment')),
    env: textMap(get('env')),
    defaults: lowerDefaults(get('defaults')),
    outputs: textMap(get('outputs')),
    timeoutMinutes: templateOf(get('timeout-minutes')),
    continueOnError: templateOf(get('continue-on-error')) ?? false,
    container: textTemplate(get('container')),
    services: textTemplate(get('services')),
    steps: lowerSteps(get('steps'), problems),
    ...lowerStepStages(get('stages')),
  };
}

function lowerStepStages(stages: YamlNode | null): Pick<StepsJobPlan, 'stages'> {
  if (stages === null) return {};
  const delays = new Map(
    entriesOf(stages).map(({ key, value }) => [
      key,
      {
        delayBeforeMs: durationOf(child(value, 'delay-before')) ?? 0,
        delayAfterMs: durationOf(child(value, 'delay-after')) ?? 0,
      },
    ]),
  );
  return { stages: Object.fromEntries(delays) };
}

function lowerCallJob(get: (key: string) => YamlNode | null): Omit<CallJobPlan, keyof JobBase> {
  const secrets = get('secrets');
  return {
    kind: 'call',
    uses: optionalText(get('uses')) ?? '',
    with: templateMap(get('with')),
    secrets: stringOf(secrets) === 'inherit' ? 'inherit' : templateMap(secrets),
  };
}

type JobBase = Pick<JobPlan, 'id' | 'position' | 'name' | 'needs' | 'if' | 'strategy' | 'concurrency' | 'permissions'>;

function lowerStrategy(strategy: YamlNode | null): StrategyPlan | null {
  if (strategy === null) return null;
  const multiple = lowerInstances(strategy);
  return {
    matrix: propertyOf(strategy, 'matrix'),
    // Where some are enough, one that fails is no reason to end the others.
    failFast: propertyOf(strategy, 'fail-fast') ?? (multiple?.completeWhen ?? null) === null,
    maxParallel: propertyOf(strategy, 'max-parallel'),
    ...(multiple ? { multiple } : {}),
  };
}

function lowerDefaults(defaults: YamlNode | null): RunDefaults {
  const run = child(defaults, 'run');
  return { shell: propertyOf(run, 'shell'), workingDirectory: propertyOf(run, 'working-directory') };
}

function lowerConcurrency(concurrency: YamlNode | null): ConcurrencyPlan | null {
  if (concurrency === null) return null;
  if (concurrency.kind !== 'map') return { group: textTemplate(concurrency), cancelInProgress: false };
  const queue = templateOf(child(concurrency, 'keep-waiting')) === true ? 'max' : stringOf(child(concurrency, 'queue'));
  const scope = stringOf(child(concurrency, 'scope'));
  const limit = templateOf(child(concurrency, 'limit'));
  return {
    group: textTemplate(child(concurrency, 'group')),
    cancelInProgress: templateOf(child(concurrency, 'cancel-in-progress')) ?? false,
    ...(queue === 'single' || queue === 'max' ? { queue } : {}),
    ...(scope === 'run' || scope === 'repository' ? { scope } : {}),
    ...(limit === null ? {} : { limit }),
  };
}
