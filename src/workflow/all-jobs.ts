import type { JobPlan, WorkflowPlan } from '../protocol/plan.ts';

/** Every job of a workflow, those in loops and around other jobs among them. */
export function allJobs({ jobs, flow }: Pick<WorkflowPlan, 'jobs' | 'flow'>): readonly JobPlan[] {
  return [...jobs, ...(flow?.finally ?? [])].flatMap(withInner);
}

/** The workflow with every job as `change` gives it back, from the outside in. */
export function changeJobs(workflow: WorkflowPlan, change: (job: JobPlan) => JobPlan): WorkflowPlan {
  const { flow } = workflow;
  const jobs = workflow.jobs.map((job) => changeJob(job, change));
  if (flow === undefined) return { ...workflow, jobs };
  return { ...workflow, jobs, flow: { ...flow, finally: flow.finally.map((job) => changeJob(job, change)) } };
}

function withInner(job: JobPlan): readonly JobPlan[] {
  const inner = job.kind === 'loop' ? [...job.jobs] : [];
  if (job.flow) {
    const { before, after, onFailure, onCancel } = job.flow;
    inner.push(...before, ...after, ...onFailure, ...onCancel, ...job.flow.finally);
  }
  return inner.length === 0 ? [job] : [job, ...inner.flatMap(withInner)];
}

function changeJob(job: JobPlan, change: (job: JobPlan) => JobPlan): JobPlan {
  const changed = change(job);
  const each = (jobs: readonly JobPlan[]): readonly JobPlan[] => jobs.map((inner) => changeJob(inner, change));
  const looped = changed.kind === 'loop' ? { ...changed, jobs: each(changed.jobs) } : changed;
  const { flow } = looped;
  if (flow === undefined) return looped;
  const around = {
    before: each(flow.before),
    after: each(flow.after),
    onFailure: each(flow.onFailure),
    onCancel: each(flow.onCancel),
    finally: each(flow.finally),
  };
  return { ...looped, flow: { ...flow, ...around } };
}
