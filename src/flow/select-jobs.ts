import type { FlowInput } from './flow-input.ts';

/**
 * The jobs of the first workflow that the options ask for, in declared order.
 * @throws RangeError when there is no job of that id.
 */
export function selectJobs({ workflows, options }: FlowInput): ReadonlySet<string> {
  const jobs = new Map(workflows[0]?.jobs.map((job) => [job.id.toLowerCase(), job]));
  if (options.job === null) return new Set(jobs.keys());
  const first = jobs.get(options.job.toLowerCase());
  if (!first) throw new RangeError(`the workflow has no job '${options.job}'`);
  const selected = new Set([first.id.toLowerCase()]);
  if (!options.withNeeds) return selected;
  for (const id of selected) {
    // A set that is iterated also gives what is added meanwhile.
    for (const need of jobs.get(id)?.needs ?? []) selected.add(need.toLowerCase());
  }
  return selected;
}
