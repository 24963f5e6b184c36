import type { Diagnostic } from '../protocol/diagnostic.ts';
import type { CallJobPlan, WorkflowPlan } from '../protocol/plan.ts';
import { allJobs } from './all-jobs.ts';

const WAY_OUT = '`limits.max-depth` of the workflow that runs says how deep it may';

/** Levels of workflows, the one that runs included; GitHub's limit. */
const MAX_LEVELS = 10;

/**
 * Calls that lead back to where they came from, or too deep. At most one diagnostic for a calling job. Where the workflow
 * that runs has `limits.max-depth`, calls may lead back, and the run ends what is too deep.
 */
export function checkNesting(
  workflows: readonly WorkflowPlan[],
  calls: Readonly<Record<string, number>>,
): Diagnostic[] {
  const problems = new Map<CallJobPlan, Diagnostic>();
  if ((workflows[0]?.flow?.limits.maxDepth ?? null) !== null) return [];
  // What a workflow leads to depends on itself and its level alone; without this, diamonds take for ever.
  const seen = new Set<string>();
  const visit = (index: number, path: readonly number[]): void => {
    const place = `${index}@${path.length}`;
    if (seen.has(place)) return;
    seen.add(place);
    const workflow = workflows[index];
    for (const job of workflow ? allJobs(workflow) : []) {
      const called = job.kind === 'call' ? calls[job.uses] : undefined;
      if (job.kind !== 'call' || called === undefined || problems.has(job)) continue;
      if ([...path, index].includes(called))
        problems.set(job, problem(job, `'${job.uses}' ends up calling itself; ${WAY_OUT}`));
      else if (path.length + 2 > MAX_LEVELS)
        problems.set(job, problem(job, `'${job.uses}' would be level ${path.length + 2} of at most ${MAX_LEVELS}`));
      else visit(called, [...path, index]);
    }
  };
  visit(0, []);
  return [...problems.values()];
}

function problem(job: CallJobPlan, message: string): Diagnostic {
  return { severity: 'error', message, ...job.position, length: 1, rule: 'called-workflow' };
}
