import type { FlowInput } from '../flow/flow-input.ts';
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
