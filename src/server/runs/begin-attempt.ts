import type { FlowInput } from '../../flow/flow-input.ts';
import { type FlowStep, start } from '../../flow/reduce.ts';
import { startedEvent } from '../../flow/started-event.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { carryOut } from './carry-out.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';
import { runInput, type SubmissionSpec, type WorkflowsSpec } from './run-spec.ts';
import { writeSnapshot } from './run-state.ts';

/** Starts an attempt at a run: its first, or a re-run. The run's row says which. */
export async function beginAttempt(
  context: OperationContext,
  run: RunRow,
  workflows: WorkflowsSpec,
  submission: SubmissionSpec,
): Promise<void> {
  const input = runInput(run, workflows, submission);
  const { state, commands } = startFlow(input);
  const jobs = Math.max(state.instances.size, commands.length, state.jobs.size);
  const { maxJobs } = context.settings;
  if (jobs > maxJobs)
    throw new Refusal(
      'invalid',
      'too-large',
      `the run would have ${jobs} jobs; at most ${maxJobs} are taken (server.maxJobs)`,
    );
  await writeSnapshot(context, run.id, run.version, null);
  context.runs.put(run.id, run.version, state);
  const path = input.workflows[0]?.path ?? '';
  const event = startedEvent(input, path, isoTime(context.now));
  await emit(context, run.id, run.attempt === 1 ? event : { ...event, attempt: run.attempt });
  await carryOut(context, run, commands);
}

function startFlow(input: FlowInput): FlowStep {
  try {
    return start(input);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Refusal('invalid', null, error.message);
  }
}
