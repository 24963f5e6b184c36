import type { FlowState, InstanceStatus } from '../../flow/flow-state.ts';
import { Table } from '../../flow/table.ts';

/**
 * For a re-run of what failed: the jobs with steps that succeeded and depend on nothing that is run again, by their own
 * needs or those of a caller. Null when nothing failed.
 */
export function keysToKeep(state: FlowState): string[] | null {
  const jobs = new Table(state.jobs);
  const instances = new Table(state.instances);
  const follows = new Map<string, boolean>();
  /** Something that the job waited for is run again. */
  const followsOther = (path: string): boolean => {
    const known = follows.get(path);
    if (known !== undefined) return known;
    const job = jobs.get(path);
    const value =
      job.needs.some((need) => need.path !== null && changes(need.path)) ||
      (job.scope !== '' && followsOther(instances.get(job.scope).job));
    follows.set(path, value);
    return value;
  };
  /** The job may have another result, or other outputs, than it had. */
  const changes = (path: string): boolean => {
    const { result, instances: keys } = jobs.get(path);
    const failed = result === 'failure' || result === 'cancelled';
    return failed || keys.some((key) => hasFailed(instances.get(key).status)) || followsOther(path);
  };
  if (!jobs.entries().some(([path]) => changes(path))) return null;
  return instances.entries().flatMap(([key, { job, status, settings }]) => {
    const succeeded = status.kind === 'settled' && status.conclusion === 'success';
    return settings.kind === 'steps' && succeeded && !followsOther(job) ? [key] : [];
  });
}

function hasFailed(status: InstanceStatus): boolean {
  return status.kind === 'settled' && (status.conclusion === 'failure' || status.conclusion === 'cancelled');
}
