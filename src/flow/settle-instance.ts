import type { JsonMap } from '../protocol/job-message.ts';
import { instanceEnded } from './complete-when.ts';
import type { FlowDraft } from './flow-draft.ts';
import { countedEnd } from './ignored-failure.ts';
import type { InstanceState } from './instance-state.ts';
import type { Ended } from './iteration-state.ts';
import { attemptKey } from './keys.ts';
import { releaseLock } from './locks.ts';

/** The last instance that completes with a value for an output decides it, as on GitHub. */
export function addOutputs(draft: FlowDraft, iterationKey: string, outputs: JsonMap): void {
  const set = Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== '' && value !== null));
  if (Object.keys(set).length === 0) return;
  const iteration = draft.iterations.get(iterationKey);
  draft.iterations.update(iterationKey, { outputs: { ...iteration.outputs, ...set } });
  if (iteration.superseded) return;
  draft.jobs.update(iteration.job, { outputs: { ...draft.jobs.get(iteration.job).outputs, ...set } });
}

/** Gives an instance its conclusion, once. `announce`: no worker reports it, so the host has to be told. */
export function settleInstance(
  draft: FlowDraft,
  key: string,
  ended: Ended,
  { announce, message }: { readonly announce: boolean; readonly message: string | null },
): void {
  const instance = draft.instances.get(key);
  const { conclusion, reason } = announce ? countedEnd(draft, instance.iteration, ended) : ended;
  const { status } = instance;
  const iteration = draft.iterations.get(instance.iteration);
  const job = draft.jobs.get(instance.job);
  draft.instances.update(key, { status: { kind: 'settled', conclusion, reason } });
  if (status.kind === 'retrying') draft.commands.push({ kind: 'clear-timer', id: `${key}/retry` });
  if (announce) {
    if (instance.settings.kind === 'body') draft.iterations.update(instance.iteration, { announced: true });
    draft.commands.push({
      kind: 'job-settled',
      // One that was to be tried again has a row for the attempt that does not come.
      key: attemptKey(key, iteration.number, instance.attempt),
      id: instance.job,
      instance: instance.number,
      name: [...draft.scopes.get(job.scope).names, instance.name].join(' / '),
      matrix: instance.matrix,
      conclusion,
      reason,
      message,
    });
  }
  const isActive = status.kind !== 'waiting';
  draft.iterations.update(instance.iteration, {
    open: iteration.open - 1,
    active: iteration.active - (isActive ? 1 : 0),
    tally: { ...iteration.tally, [conclusion]: iteration.tally[conclusion] + 1 },
    ignored: iteration.ignored || reason === 'failure-ignored',
  });
  // Before anything that may start a sibling.
  if (conclusion === 'failure' && iteration.strategy.failFast)
    draft.push({ kind: 'fail-fast', iteration: instance.iteration });
  releaseGroups(draft, key, instance);
  instanceEnded(draft, instance.iteration, { conclusion, reason });
}

/** Gives back the groups that an instance held, and the one it waited for. */
export function releaseGroups(draft: FlowDraft, key: string, { settings, groupsHeld, status }: InstanceState): void {
  const asked = settings.groups.slice(0, groupsHeld + (status.kind === 'launching' ? 1 : 0));
  for (const group of new Set(asked.filter(({ ofRun }) => ofRun === true).map(({ group: name }) => name)))
    releaseLock(draft, key, group);
  for (const group of new Set(asked.filter(({ ofRun }) => ofRun !== true).map(({ group: name }) => name)))
    draft.commands.push({ kind: 'release-group', key, group });
}

/** A gate or a loop has ended: what it had is free. */
export function settleBody(draft: FlowDraft, iteration: string, { conclusion, reason }: Ended): void {
  const [key] = draft.iterations.get(iteration).instances;
  const instance = key === undefined ? null : draft.instances.get(key);
  if (key === undefined || instance?.settings.kind !== 'body' || instance.status.kind === 'settled') return;
  draft.instances.update(key, { status: { kind: 'settled', conclusion, reason } });
  draft.iterations.update(iteration, { open: 0, active: 0 });
  releaseGroups(draft, key, instance);
}
