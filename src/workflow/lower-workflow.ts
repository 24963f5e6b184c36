import type {
  CallJobPlan,
  ConcurrencyPlan,
  JobPlan,
  RunDefaults,
  StepsJobPlan,
  StrategyPlan,
  WorkflowPlan,
} from '../protocol/plan.ts';
import { needsOf } from './check-needs.ts';
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
import { child, entriesOf, stringOf, type MapEntry, type YamlNode } from './yaml-node.ts';

/** The plan of a workflow that was checked and has no errors. */
export function lowerWorkflow(root: YamlNode, file: string, problems: ProblemList): WorkflowPlan {
  return {
    path: file,
    name: optionalText(child(root, 'name')),
    runName: optionalText(child(root, 'run-name')),
    on: lowerTriggers(child(root, 'on')),
    env: textMap(child(root, 'env')),
    defaults: lowerDefaults(child(root, 'defaults')),
    concurrency: lowerConcurrency(child(root, 'concurrency')),
    permissions: templateOf(child(root, 'permissions')),
    jobs: entriesOf(child(root, 'jobs')).map((entry) => lowerJob(entry, problems)),
  };
}

function lowerJob({ key: id, keySpan, value: job }: MapEntry, problems: ProblemList): JobPlan {
  const get = (key: string): YamlNode | null => child(job, key);
  const base = {
    id,
    position: problems.position(keySpan.start),
    name: optionalText(get('name')),
    needs: [...new Set(needsOf(job).map(({ value }) => value))],
    if: conditionText(get('if')),
    strategy: lowerStrategy(get('strategy')),
    concurrency: lowerConcurrency(get('concurrency')),
    permissions: templateOf(get('permissions')),
  };
  return get('uses') === null ? { ...base, ...lowerStepsJob(get, problems) } : { ...base, ...lowerCallJob(get) };
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
  };
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
  return {
    matrix: propertyOf(strategy, 'matrix'),
    failFast: propertyOf(strategy, 'fail-fast') ?? true,
    maxParallel: propertyOf(strategy, 'max-parallel'),
  };
}

function lowerDefaults(defaults: YamlNode | null): RunDefaults {
  const run = child(defaults, 'run');
  return { shell: propertyOf(run, 'shell'), workingDirectory: propertyOf(run, 'working-directory') };
}

function lowerConcurrency(concurrency: YamlNode | null): ConcurrencyPlan | null {
  if (concurrency === null) return null;
  if (concurrency.kind !== 'map') return { group: textTemplate(concurrency), cancelInProgress: false };
  const queue = stringOf(child(concurrency, 'queue'));
  return {
    group: textTemplate(child(concurrency, 'group')),
    cancelInProgress: templateOf(child(concurrency, 'cancel-in-progress')) ?? false,
    ...(queue === 'single' || queue === 'max' ? { queue } : {}),
  };
}
