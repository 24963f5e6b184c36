import { readWorkflows } from './repository-runs.ts';
import type { RepositoryCommit } from './repository-reader.ts';

/** A line under `on: schedule`. */
export interface ScheduleLine {
  /** Of the workflow. */
  readonly path: string;
  readonly cron: string;
  readonly timezone: string | null;
}

/** The schedules of a commit's workflows. */
export async function readSchedules(commit: RepositoryCommit): Promise<ScheduleLine[]> {
  const { workflows } = await readWorkflows(commit);
  return workflows.flatMap(({ path, plan }) =>
    (plan.on['schedule']?.schedules ?? []).map(({ cron, timezone }) => ({ path, cron, timezone })),
  );
}
