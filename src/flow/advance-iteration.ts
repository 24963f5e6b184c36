import type { FlowDraft } from './flow-draft.ts';
import type { StartJob } from './flow-event.ts';
import type { Ended } from './iteration-state.ts';
import { isFull, OVER_LIMIT, TOO_MUCH_HELD } from './run-limits.ts';
import type { InstanceSettings, InstanceState } from './instance-state.ts';
import { endlessWait } from './group-queue.ts';
import { flowContext, jobContexts } from './job-contexts.ts';
import { openBody } from './main-part.ts';
import { sayInstanceWaits } from './instance-waits.ts';
import { keptResult } from './kept-job.ts';
import { attemptKey } from './keys.ts';
import { takeLock } from './locks.ts';
import { milestoneState, passedMilestone } from './milestone.ts';
import { openScope } from './open-scope.ts';
import { claimRace } from './races.ts';
import { addOutputs, settleInstance } from './settle-instance.ts';
import { lookAgain } from './watchers.ts';
import { withdrawIteration } from './withdraw.ts';

/** Starts waiting instances, in order, as far as `max-parallel` goes. Those of an earlier attempt need no place. */
export function advanceIteration(draft: FlowDraft, key: string): void {
  for (;;) {
    const iteration = draft.iterations.get(key);
    if (iteration.stage.kind !== 'main') return;
    const next = iteration.instances[iteration.started];
    if (next === undefined) return;
    const isWaiting = draft.instances.get(next).status.kind === 'waiting';
    if (isWaiting && keepInstance(draft, next)) continue;
    if (isWaiting && iteration.active >= (iteration.strategy.maxParallel ?? Infinity)) return;
    draft.iterations.update(key, { started: iteration.started + 1, active: iteration.active + (isWaiting ? 1 : 0) });
    if (!isWaiting) continue;
    draft.instances.update(next, { status: { kind: 'launching' } });
    // One that ended at once may end its siblings; another task goes on when that is done.
    if (!launchInstance(draft, next)) {
      draft.push({ kind: 'advance', iteration: key });
      return;
    }
  }
}

/** Asks for the next of its groups, or starts when it has them all. False when it was settled instead. */
export function launchInstance(draft: FlowDraft, key: string): boolean {
  for (;;) {
    const { status, settings, groupsHeld, iteration, job } = draft.instances.get(key);
    if (status.kind !== 'launching') return status.kind !== 'settled';
    const request = keptResult(draft, iteration) === null ? settings.groups[groupsHeld] : undefined;
    if (!request) return begin(draft, key);
    if (settings.groups.slice(0, groupsHeld).some(({ group }) => group === request.group))
      return endsHere(draft, key, ENDLESS, endlessWait(request.group));
    if (request.ofRun !== true) {
      draft.commands.push({ kind: 'acquire-group', key, request });
      lookAgain(draft, draft.jobs.get(job));
      return true;
    }
    const taken = takeLock(draft, key, request.group);
    if (taken.kind === 'endless') return endsHere(draft, key, ENDLESS, taken.message);
    if (taken.kind === 'waits') {
      sayInstanceWaits(draft, key, { kind: 'lock', lock: taken.lock, holder: taken.holder });
      lookAgain(draft, draft.jobs.get(job));
      return true;
    }
    draft.instances.update(key, { groupsHeld: groupsHeld + 1 });
  }
}

const ENDLESS: Ended = { conclusion: 'failure', reason: 'concurrency' };

function endsHere(draft: FlowDraft, key: string, ended: Ended, message: string): false {
  settleInstance(draft, key, ended, { announce: true, message });
  return false;
}

/** True when the instance has its end from an earlier attempt of the run. */
function keepInstance(draft: FlowDraft, key: string): boolean {
  const { settings, iteration } = draft.instances.get(key);
  if (settings.kind !== 'steps') return false;
  const { earlier } = draft.input.options;
  const result = Object.hasOwn(earlier, key) ? earlier[key] : undefined;
  if (!result) return false;
  const kept = keptResult(draft, iteration);
  if (kept !== null && result.conclusion === 'withdrawn') {
    // The job had come to its result without it.
    draft.iterations.update(iteration, { fate: { conclusion: kept.conclusion, reason: kept.reason }, closed: true });
    settleInstance(draft, key, result, { announce: true, message: null });
    return true;
  }
  // Who has won it has won it.
  if (!claimRace(draft, iteration)) return true;
  draft.commands.push({ kind: 'job-kept', key });
  addOutputs(draft, iteration, result.outputs);
  settleInstance(draft, key, result, { announce: false, message: null });
  return true;
}

function begin(draft: FlowDraft, key: string): boolean {
  const instance = draft.instances.get(key);
  const { settings, iteration } = instance;
  if (draft.paused) {
    draft.paused = { ...draft.paused, held: [...draft.paused.held, key] };
    return true;
  }
  if (!mayStart(draft, instance) || !claimRace(draft, iteration))
    return draft.instances.get(key).status.kind !== 'settled';
  if (!draft.iterations.get(iteration).ran) draft.iterations.update(iteration, { ran: true });
  switch (settings.kind) {
    case 'steps':
      startInstance(draft, key);
      break;
    case 'call': {
      const { workflow, inputs, secrets } = settings;
      const { scope: around } = draft.jobs.get(instance.job);
      if (isFull(draft, around, draft.input.workflows[workflow]?.jobs.length ?? 0))
        return endsHere(draft, key, OVER_LIMIT, TOO_MUCH_HELD);
      const scope = draft.scopes.get(around);
      draft.instances.update(key, { status: { kind: 'calling' } });
      const names = [...scope.names, instance.name];
      const source = { kind: 'workflow' } as const;
      openScope(draft, key, { workflow, source, depth: scope.depth + 1, loop: null, inputs, secrets, names }, null);
      break;
    }
    case 'body':
      draft.instances.update(key, { status: { kind: 'calling' } });
      openBody(draft, iteration);
      return true;
    case 'none':
      throw new RangeError(`'${key}' cannot be started`);
  }
  lookAgain(draft, draft.jobs.get(instance.job));
  return true;
}

/** While it waited for groups, the state of another job in which it is to start may have passed. */
function mayStart(draft: FlowDraft, { iteration, job: path, status }: InstanceState): boolean {
  const milestone = draft.planOf(draft.jobs.get(path)).flow?.milestone;
  if (!milestone || status.kind !== 'launching' || milestoneState(draft, iteration, milestone) !== 'passed')
    return true;
  withdrawIteration(draft, iteration, passedMilestone(milestone));
  return false;
}

/** Also for another attempt. */
export function startInstance(draft: FlowDraft, key: string): void {
  const instance = draft.instances.get(key);
  if (instance.settings.kind !== 'steps') throw new RangeError(`'${key}' has no steps`);
  const { number } = draft.iterations.get(instance.iteration);
  const started = attemptKey(key, number, instance.attempt);
  draft.instances.update(key, { status: { kind: 'running', started, seen: false, cancelling: null, fate: null } });
  draft.commands.push(startCommand(draft, started, instance, instance.settings));
}

function startCommand(
  draft: FlowDraft,
  key: string,
  instance: InstanceState,
  settings: InstanceSettings & { kind: 'steps' },
): StartJob {
  const job = draft.jobs.get(instance.job);
  const iteration = draft.iterations.get(instance.iteration);
  const scope = draft.scopes.get(job.scope);
  const workflow = draft.workflowOf(job.scope);
  const plan = draft.planOf(job);
  if (plan.kind !== 'steps') throw new RangeError(`'${key}' has no steps`);
  return {
    kind: 'start-job',
    key,
    id: instance.job,
    instance: instance.number,
    iteration: iteration.number,
    attempt: instance.attempt,
    workflow: scope.workflow,
    plan,
    displayName: [...scope.names, instance.name].join(' / '),
    contexts: {
      needs: jobContexts(draft, job, iteration).needs,
      strategy: instance.strategy,
      matrix: instance.matrix,
      inputs: scope.inputs,
      loop: scope.loop,
      flow: flowContext(job, iteration, instance.attempt, instance.carried),
    },
    env: [workflow.env, plan.env],
    defaults: [workflow.defaults, plan.defaults],
    timeoutMinutes: settings.timeoutMinutes,
    continueOnError: settings.continueOnError,
    runsOn: settings.runsOn,
    environment: settings.environment,
    secrets: scope.secrets,
  };
}
