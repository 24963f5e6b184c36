import type { FlowDraft } from './flow-draft.ts';
import type { StartJob } from './flow-event.ts';
import type { InstanceSettings, InstanceState } from './flow-state.ts';
import { jobContexts } from './job-contexts.ts';
import { openScope } from './open-scope.ts';
import { settleInstance } from './settle.ts';
import { takeGroup } from './concurrency-group.ts';

/** Starts waiting instances, in order, as far as `max-parallel` goes. */
export function advanceJob(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  if (job.phase !== 'open') return;
  const states = job.instances.map((key) => [key, draft.instances.get(key).status.kind] as const);
  let places = (job.strategy.maxParallel ?? states.length) - states.filter(([, kind]) => isActive(kind)).length;
  for (const [key, kind] of states) {
    if (kind !== 'waiting' || places <= 0) continue;
    places--;
    draft.instances.update(key, { status: { kind: 'launching' } });
    // One that ended at once may end its siblings; another task goes on when that is done.
    if (!launchInstance(draft, key)) return;
  }
}

/** Takes the groups that are left to take, then starts. False when it was settled instead. */
export function launchInstance(draft: FlowDraft, key: string): boolean {
  for (;;) {
    const instance = draft.instances.get(key);
    if (instance.status.kind !== 'launching') return instance.status.kind !== 'settled';
    const request = instance.settings.groups[instance.groupsHeld];
    if (!request) break;
    const answer = takeGroup(draft, key, request);
    if (answer === 'waits') return true;
    if (answer === 'taken') draft.instances.update(key, { groupsHeld: instance.groupsHeld + 1 });
    else {
      settleInstance(draft, key, answer.conclusion, answer.reason, { announce: true, message: answer.message });
      return false;
    }
  }
  begin(draft, key);
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
    workflow: scope.workflow,
    plan,
    displayName: [...scope.names, instance.name].join(' / '),
    contexts: {
      needs: jobContexts(draft, job).needs,
      strategy: instance.strategy,
      matrix: instance.matrix,
      inputs: scope.inputs,
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
