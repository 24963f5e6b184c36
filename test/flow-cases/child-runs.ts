import type { ShownFlow } from '../../src/flow/show-flow.ts';
import { callsAround, readKey } from './job-name.ts';
import { jobStatus } from './shown-jobs.ts';
import type { TranslatedCase } from './translate-case.ts';

export interface ChildRun {
  readonly scope: string;
  readonly pipeline: string;
  readonly status: string;
}

/** Runs of pipelines that jobs of the run called, in the order of their paths. */
export function childRuns({ input, pipelines }: TranslatedCase, shown: ShownFlow, keys: readonly string[]): ChildRun[] {
  const scopes = [...new Set([...keys, ...shown.jobs.map(({ path }) => path)].flatMap(callsAround))];
  const uses = new Map(
    input.workflows.flatMap(({ jobs }) =>
      jobs.flatMap((job) => (job.kind === 'call' ? [[job.id, job.uses] as const] : [])),
    ),
  );
  return scopes.map((scope) => {
    const { path, id, instance } = readKey(scope);
    const name = pipelines.get(uses.get(id) ?? '') ?? id;
    const status = jobStatus(shown, { path, instance: instance === null ? null : instance - 1 });
    return { scope, pipeline: name, status };
  });
}
