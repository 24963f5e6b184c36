import type { FlowDraft } from './flow-draft.ts';
import type { StartJob } from './flow-event.ts';
import type { InstanceSettings, InstanceState } from './flow-state.ts';
import { jobContexts } from './job-contexts.ts';
import { openScope } from './open-scope.ts';
import { addOutputs, settleInstance } from './settle.ts';
import { endlessWait } from './group-queue.ts';

/** Starts waiting instances, in order, as far as `max-parallel` goes. Those of an earlier attempt need no place. */
export function advanceJob(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  if (job.phase !== 'open') return;
  const states = job.instances.map((key) => [key, draft.instances.get(key).status.kind] as const);
  for (const [key, kind] of states) if (kind === 'waiting' && keepInstance(draft, key)) return;
  let places = (job.strategy.maxParallel ?? states.length) - states.filter(([, kind]) => isActive(kind)).length;
  for (const [key, kind] of states) {
    if (kind !== 'waiting' || places <= 0) continue;
    places--;
    draft.instances.update(key, { status: { kind: 'launching' } });
    // One that ended at once may end its siblings; another task goes on when that is done.
    if (!launchInstance(draft, key)) return;
  }
}

/** Asks for the next of its groups, or starts when it has them all. False when it was settled instead. */
export function launchInstance(draft: FlowDraft, key: string): boolean {
  const { status, settings, groupsHeld } = draft.instances.get(key);
  if (status.kind !== 'launching') return status.kind !== 'settled';
  const request = settings.groups[groupsHeld];
  if (!request) {
    begin(draft, key);
    return true;
  }
  if (settings.groups.slice(0, groupsHeld).some(({ group }) => group === request.group)) {
    settleInstance(draft, key, 'failure', 'concurrency', { announce: true, message: endlessWait(request.group) });
    return false;
  }
  draft.commands.push({ kind: 'acquire-group', key, request });
  return true;
}

/** True when the instance has its end from an earlier attempt. */
function keepInstance(draft: FlowDraft, key: string): boolean {
  const { job, settings } = draft.instances.get(key);
  const { earlier } = draft.input.options;
  const result = Object.hasOwn(earlier, key) ? earlier[key] : undefined;
  if (!result || settings.kind !== 'steps') return false;
  draft.commands.push({ kind: 'job-kept', key });
  addOutputs(draft, job, result.outputs);
  settleInstance(draft, key, result.conclusion, result.reason, { announce: false, message: null });
  return true;
}

function isActive(kind: InstanceState['status']['kind']): boolean {
  return kind === 'launching' || kind === 'running' || kind === 'calling';
}

function begin(draft: FlowDraft, key: string): void {
  const instance = draft.instances.get(key);
  const { settings } = instance;
  switch (settings.kind) {
    case 'steps':
      draft.instances.update(key, { status: { kind: 'running', cancelling: null } });
      draft.commands.push(startCommand(draft, key, instance, settings));
      return;
    case 'call': {
      const scope = draft.scopes.get(draft.jobs.get(instance.job).scope);
      draft.instances.update(key, { status: { kind: 'calling' } });
      const { workflow, inputs, secrets } = settings;
      openScope(
        draft,
        key,
        { workflow, depth: scope.depth + 1, inputs, secrets, names: [...scope.names, instance.name] },
        null,
      );
      return;
    }
    case 'none':
      throw new RangeError(`'${key}' cannot be started`);
  }
}

function startCommand(
  draft: FlowDraft,
  key: string,
  instance: InstanceState,
  settings: InstanceSettings & { kind: 'steps' },
): StartJob {
  const job = draft.jobs.get(instance.job);
  const scope = draft.scopes.get(job.scope);
  const workflow = draft.workflowOf(job.scope);
  const plan = draft.planOf(job);
  if (plan.kind !== 'steps') throw new RangeError(`'${key}' has no steps`);
  return {
    kind: 'start-job',
    key,
    id: instance.job,
    instance: instance.number,
    iteration: 1,
    attempt: 1,
    workflow: scope.workflow,
    plan,
    displayName: [...scope.names, instance.name].join(' / '),
    contexts: {
      needs: jobContexts(draft, job).needs,
      strategy: instance.strategy,
      matrix: instance.matrix,
      inputs: scope.inputs,
      loop: null,
      flow: { iteration: 1, attempt: 1, from: null, with: {}, signal: null, state: {} },
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
