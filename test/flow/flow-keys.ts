import type { JobFlowPlan, WorkflowFlowPlan } from '../../src/protocol/flow-plan.ts';
import type { GateJobPlan, JobPlan, LoopJobPlan, WorkflowPlan } from '../../src/protocol/plan.ts';
import { NO_FLOW } from '../support/no-flow.ts';
import { type JobSketch, workflow } from './plans.ts';

/** The keys beyond `needs` and `if` of a job; what is not said is as if it were not written. */
export function keys(said: Partial<JobFlowPlan>): JobFlowPlan {
  return { ...NO_FLOW, ...said };
}

/** `count` needs with a success. */
export function count(count: number, late: 'ignore' | 'queue' | 'cancel' = 'ignore', countIgnoredFailures = false) {
  return keys({ join: { mode: 'count', count, late, countIgnoredFailures } });
}

export function each(batch = 1): JobFlowPlan {
  return keys({ join: { mode: 'each', batch } });
}

export const ACTIVE: JobFlowPlan = keys({ join: { mode: 'active' } });

/** Plans of jobs, for lists inside of jobs. */
export function plans(jobs: Readonly<Record<string, JobSketch>>): readonly JobPlan[] {
  return workflow(jobs).jobs;
}

/** Jobs by id, the sketched ones and those that are plans already. */
export function withPlans(jobs: Readonly<Record<string, JobSketch | JobPlan>>, flow?: WorkflowFlowPlan): WorkflowPlan {
  const made = Object.entries(jobs).map(([id, job]): JobPlan => {
    if ('kind' in job) return job;
    return workflow({ [id]: job }).jobs[0]!;
  });
  return { ...workflow({}), jobs: made, ...(flow && { flow }) };
}

const BASE = {
  position: { file: 'test.yml', line: 1, column: 1 },
  name: null,
  needs: [],
  if: null,
  strategy: null,
  concurrency: null,
  permissions: null,
} as const;

export function gate(id: string, said: Partial<GateJobPlan> = {}): GateJobPlan {
  return { ...BASE, kind: 'gate', id, outputs: {}, ...said };
}

export function loop(id: string, said: Partial<LoopJobPlan> & Pick<LoopJobPlan, 'jobs'>): LoopJobPlan {
  return { ...BASE, kind: 'loop', id, while: null, until: null, maxIterations: 100, vars: {}, outputs: {}, ...said };
}

export function ofRun(said: Partial<WorkflowFlowPlan>): WorkflowFlowPlan {
  return { failFast: null, limits: { maxJumps: null, maxDepth: null }, finally: [], ...said };
}
