import type { JobConclusion, Reason } from '../protocol/conclusion.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import { applyContinueOnError, resultOf } from './conclusions.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowEvent } from './flow-event.ts';
import type { InstanceState } from './flow-state.ts';
import { lineageBefore } from './job-contexts.ts';

/** A worker reports the end of a job. Anything but the first report of a running instance changes nothing. */
export function completeInstance(draft: FlowDraft, event: FlowEvent & { kind: 'job-completed' }): void {
  const instance = draft.instances.find(event.key);
  if (instance?.status.kind !== 'running' || instance.settings.kind !== 'steps') return;
  const { conclusion, reason } = applyContinueOnError(event, instance.settings.continueOnError);
  addOutputs(draft, instance.job, event.outputs);
  settleInstance(draft, event.key, conclusion, reason, { announce: false, message: null });
}

/** The last instance that completes with a value for an output decides it, as on GitHub. */
export function addOutputs(draft: FlowDraft, path: string, outputs: JsonMap): void {
  const set = Object.entries(outputs).filter(([, value]) => value !== '' && value !== null);
  if (set.length === 0) return;
  draft.jobs.update(path, { outputs: { ...draft.jobs.get(path).outputs, ...Object.fromEntries(set) } });
}

/**
 * Gives an instance its conclusion, once; the job is settled with its last one. `announce`: no worker reports it, so
 * the host has to be told.
 */
export function settleInstance(
  draft: FlowDraft,
  key: string,
  conclusion: JobConclusion,
  reason: Reason | null,
  { announce, message }: { readonly announce: boolean; readonly message: string | null },
): void {
  const instance = draft.instances.get(key);
  const job = draft.jobs.get(instance.job);
  draft.instances.update(key, { status: { kind: 'settled', conclusion, reason } });
  if (announce) {
    draft.commands.push({
      kind: 'job-settled',
      key,
      id: instance.job,
      instance: instance.number,
      name: [...draft.scopes.get(job.scope).names, instance.name].join(' / '),
      matrix: instance.matrix,
      conclusion,
      reason,
      message,
    });
  }
  // Before anything that may start a sibling.
  if (conclusion === 'failure' && job.strategy.failFast) draft.tasks.push({ kind: 'fail-fast', job: instance.job });
  releaseGroups(draft, key, instance);

  const statuses = job.instances.map((other) => draft.instances.get(other).status);
  const conclusions = statuses.flatMap((status) => (status.kind === 'settled' ? [status.conclusion] : []));
  if (conclusions.length === statuses.length) settleJob(draft, instance.job, resultOf(conclusions));
  else draft.tasks.push({ kind: 'advance', job: instance.job });
}

/** Gives a job its result and wakes those that wait for it. */
export function settleJob(draft: FlowDraft, path: string, result: JobConclusion): void {
  const job = draft.jobs.get(path);
  const before = lineageBefore(draft, job);
  draft.jobs.update(path, {
    phase: 'settled',
    result,
    lineage: {
      success: before.success && result === 'success',
      failure: before.failure || result === 'failure',
      cancelled: before.cancelled || result === 'cancelled',
    },
  });
  for (const dependant of job.dependants) {
    const waitingFor = draft.jobs.get(dependant).waitingFor.filter((other) => other !== path);
    draft.jobs.update(dependant, { waitingFor });
    if (waitingFor.length === 0) draft.tasks.push({ kind: 'begin', job: dependant });
  }
  const { open } = draft.scopes.update(job.scope, { open: draft.scopes.get(job.scope).open - 1 });
  if (open === 0) draft.tasks.push({ kind: 'close', scope: job.scope });
}

/** Gives back the groups that an instance held, and the one it waited for. */
function releaseGroups(draft: FlowDraft, key: string, { settings, groupsHeld, status }: InstanceState): void {
  const asked = groupsHeld + (status.kind === 'launching' ? 1 : 0);
  const names = new Set(settings.groups.slice(0, asked).map(({ group }) => group));
  for (const group of names) draft.commands.push({ kind: 'release-group', key, group });
}
