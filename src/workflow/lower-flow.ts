import {
  RETRY_DEFAULTS,
  type CancelsPlan,
  type ChoosePlan,
  type InstancesPlan,
  type JobFlowPlan,
  type JoinPlan,
  type MilestonePlan,
  type NextPlan,
  type RetryPlan,
  type SectionPlan,
  type StagePlan,
  type WaitForPlan,
  type WorkflowFlowPlan,
} from '../protocol/flow-plan.ts';
import type { JobPlan } from '../protocol/plan.ts';
import { readDuration } from './duration.ts';
import { AROUND_KEYS } from './flow-grammar.ts';
import { placedTexts } from './list-steps.ts';
import { conditionText, optionalText, propertyOf, templateOf, textMap, textTemplate } from './lower-template.ts';
import { integerOf } from './read-stages.ts';
import { child, entriesOf, itemsOf, oneOrMany, stringOf, type YamlNode } from './yaml-node.ts';

/** Of a job; the keys with jobs in them are not among them. */
const PLAIN_KEYS = [
  ...['join', 'choose', 'branches', 'spawn', 'race', 'milestone', 'wait-for', 'region', 'cancels', 'section', 'next'],
  ...['failure', 'start-within-minutes', 'start-at', 'retry', 'terminate'],
];

type LowerJobs = (jobs: YamlNode | null) => readonly JobPlan[];

/** The flow keys of a checked job; null where it has none. @param lowerJobs For the jobs around it. */
export function lowerJobFlow(job: YamlNode, stage: StagePlan | null, lowerJobs: LowerJobs): JobFlowPlan | null {
  const get = (key: string): YamlNode | null => child(job, key);
  if (stage === null && [...PLAIN_KEYS, ...AROUND_KEYS].every((key) => get(key) === null)) return null;
  return {
    join: lowerJoin(get('join')),
    choose: lowerChoose(stringOf(get('choose')), get('branches')),
    spawn: templateOf(get('spawn')),
    race: textTemplate(get('race')),
    milestone: lowerMilestone(get('milestone')),
    waitFor: lowerWaitFor(get('wait-for')),
    region: textsOf(get('region')),
    cancels: lowerCancels(get('cancels')),
    section: lowerSection(get('section')),
    next: oneOrMany(get('next')).map(lowerNext),
    before: lowerJobs(get('before')),
    after: lowerJobs(get('after')),
    onFailure: lowerJobs(get('on-failure')),
    onCancel: lowerJobs(get('on-cancel')),
    finally: lowerJobs(get('finally')),
    failure: oneOf(get('failure'), ['fail-run', 'stop-branch', 'ignore'], 'fail-run'),
    startWithinMinutes: templateOf(get('start-within-minutes')),
    startAt: textTemplate(get('start-at')),
    retry: lowerRetry(get('retry')),
    terminate: oneOf(get('terminate'), ['success', 'failure', 'cancelled'], null),
    stage,
  };
}

/** The flow keys of a checked workflow; null where it has none. */
export function lowerWorkflowFlow(root: YamlNode, lowerJobs: LowerJobs): WorkflowFlowPlan | null {
  const get = (key: string): YamlNode | null => child(root, key);
  if (['fail-fast', 'limits', 'finally'].every((key) => get(key) === null)) return null;
  const limits = get('limits');
  return {
    failFast: templateOf(get('fail-fast')) ?? false,
    limits: { maxJumps: integerOf(child(limits, 'max-jumps')), maxDepth: integerOf(child(limits, 'max-depth')) },
    finally: lowerJobs(get('finally')),
  };
}

/** `instances` and what goes with it; null where a strategy has none of it. */
export function lowerInstances(strategy: YamlNode): InstancesPlan | null {
  const get = (key: string): YamlNode | null => child(strategy, key);
  if (['instances', 'dynamic', 'sync', 'complete-when'].every((key) => get(key) === null)) return null;
  const when = get('complete-when');
  return {
    instances: propertyOf(strategy, 'instances'),
    dynamic: saysYes(get('dynamic')),
    sync: get('sync') === null || saysYes(get('sync')),
    completeWhen:
      when === null
        ? null
        : {
            count: templateOf(child(when, 'count')),
            if: conditionText(child(when, 'if')),
            rest: oneOf(child(when, 'rest'), ['run', 'cancel'], 'run'),
          },
  };
}

function lowerJoin(node: YamlNode | null): JoinPlan {
  const get = (key: string): YamlNode | null => (node?.kind === 'map' ? child(node, key) : null);
  const mode = stringOf(node?.kind === 'map' ? get('mode') : node);
  const count = integerOf(get('count')) ?? (mode === 'first' ? 1 : null);
  if (count !== null)
    return {
      mode: 'count',
      count,
      late: oneOf(get('late'), ['ignore', 'queue', 'cancel'], 'ignore'),
      countIgnoredFailures: saysYes(get('count-ignored-failures')),
    };
  if (mode === 'active') return { mode };
  if (mode === 'each') return { mode, batch: integerOf(get('batch')) ?? 1 };
  return { mode: 'all', keep: saysYes(get('keep')) };
}

function lowerChoose(mode: string | null, branches: YamlNode | null): ChoosePlan | null {
  if (mode !== 'one' && mode !== 'many') return null;
  return {
    mode,
    branches: entriesOf(branches)
      .filter(({ key }) => key !== 'default')
      .map(({ key, value }) => ({ job: key, if: conditionText(value) ?? 'false' })),
    default: optionalText(child(branches, 'default')),
  };
}

function lowerMilestone(node: YamlNode | null): MilestonePlan | null {
  const job = optionalText(child(node, 'job'));
  if (job === null) return null;
  const states = ['queued', 'running', 'waiting', 'success', 'failure', 'completed'] as const;
  return {
    job,
    state: oneOf(child(node, 'state'), states, 'completed'),
    otherwise: oneOf(child(node, 'otherwise'), ['skip', 'fail'], 'skip'),
  };
}

function lowerWaitFor(node: YamlNode | null): WaitForPlan | null {
  if (node === null) return null;
  const get = (key: string): YamlNode | null => child(node, key);
  return {
    signals: oneOrMany(node.kind === 'map' ? get('signal') : node).map(textTemplate),
    buffered: get('buffered') === null || saysYes(get('buffered')),
    timeoutMinutes: templateOf(get('timeout-minutes')),
    from: oneOrMany(get('from')).map(textTemplate),
  };
}

function lowerCancels(node: YamlNode | null): CancelsPlan | null {
  if (node === null) return null;
  if (node.kind !== 'map') return { on: 'start', targets: textsOf(node) };
  return { on: oneOf(child(node, 'on'), ['start', 'success'], 'start'), targets: textsOf(child(node, 'targets')) };
}

function lowerSection(node: YamlNode | null): SectionPlan | null {
  if (node === null) return null;
  return { lock: textTemplate(child(node, 'lock')), name: optionalText(child(node, 'name')) ?? '' };
}

function lowerNext(node: YamlNode): NextPlan {
  return {
    if: conditionText(child(node, 'if')),
    goto: optionalText(child(node, 'goto')) ?? '',
    with: textMap(child(node, 'with')),
  };
}

function lowerRetry(node: YamlNode | null): RetryPlan | null {
  if (node === null) return null;
  const { maxAttempts, minMs, maxMs, factor, jitter, exitCode } = RETRY_DEFAULTS;
  const get = (key: string): YamlNode | null => (node.kind === 'map' ? child(node, key) : null);
  const backoff = get('backoff');
  const min = durationOf(child(backoff, 'min'));
  const codes = get('exit-codes');
  return {
    maxAttempts: (node.kind === 'map' ? templateOf(get('max-attempts')) : templateOf(node)) ?? maxAttempts,
    backoff: {
      minMs: min ?? minMs,
      // A first delay above the default limit is a limit as well.
      maxMs: durationOf(child(backoff, 'max')) ?? Math.max(maxMs, min ?? 0),
      factor: numberOf(child(backoff, 'factor')) ?? factor,
      jitter: numberOf(child(backoff, 'jitter')) ?? jitter,
    },
    exitCodes:
      codes?.kind === 'list' ? itemsOf(codes).flatMap((code) => integerOf(code) ?? []) : codes ? null : [exitCode],
  };
}

export function durationOf(node: YamlNode | null): number | null {
  return readDuration(optionalText(node) ?? '');
}

function numberOf(node: YamlNode | null): number | null {
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : null;
}

function saysYes(node: YamlNode | null): boolean {
  return node?.kind === 'scalar' && node.value === true;
}

function oneOf<const T extends string, D>(node: YamlNode | null, values: readonly T[], otherwise: D): T | D {
  const text = stringOf(node);
  return values.find((value) => value === text) ?? otherwise;
}

/** Each once, as written. */
function textsOf(node: YamlNode | null): readonly string[] {
  return [...new Set(placedTexts(node).map(({ value }) => value))];
}
