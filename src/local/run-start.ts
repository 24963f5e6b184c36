import type { FlowInput } from '../flow/flow-input.ts';
import { selectJobs } from '../flow/select-jobs.ts';
import type { RunEvent } from '../protocol/events.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { RunOptions } from './run-options.ts';

/** What flow decides the run by. */
export function flowInput(prepared: PreparedRun, options: RunOptions): FlowInput {
  const { context, workflows, calls } = prepared;
  return {
    workflows,
    calls,
    contexts: { github: context.github, inputs: context.inputs, vars: options.vars },
    options: { job: options.job, withNeeds: true, matrix: options.matrix, earlier: {} },
  };
}

/** The first event of a run. Jobs are as declared: what a matrix or a call makes of them is not known yet. */
export function startedEvent(input: FlowInput, shownFile: string, at: string): RunEvent {
  const [plan] = input.workflows;
  const selected = selectJobs(input);
  return {
    type: 'run-started',
    at,
    schema: 1,
    workflow: { name: plan?.name ?? shownFile, path: shownFile },
    jobs: (plan?.jobs ?? [])
      .filter(({ id }) => selected.has(id.toLowerCase()))
      .map(({ id, name, needs }) => ({
        id,
        name: typeof name === 'string' && !name.includes('${{') ? name : id,
        needs: [...needs],
      })),
  };
}
