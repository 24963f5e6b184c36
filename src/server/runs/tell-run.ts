import type { FlowEvent } from '../../flow/flow-event.ts';
import type { FlowState } from '../../flow/flow-state.ts';
import { reduce } from '../../flow/reduce.ts';
import type { OperationContext } from '../operation.ts';
import { carryOut } from './carry-out.ts';
import { lockRun } from './run-row.ts';
import { recordEvent, stateOf } from './run-state.ts';

/**
 * Tells a run what happened, and does what follows: jobs that start, are cancelled or are over, the run's end, and what
 * that means for other runs. What means nothing to the run (any more) is not even written down.
 */
export async function tellRun(context: OperationContext, runId: number, event: FlowEvent): Promise<void> {
  const run = await lockRun(context, runId);
  if (run === null || run.state === 'completed') return;
  const before = await stateOf(context, run);
  const { state, commands } = reduce(before, event);
  if (commands.length === 0 && isSame(before, state)) return;
  const version = await recordEvent(context, run, event, state);
  await carryOut(context, { ...run, version }, commands);
}

/** Flow leaves what it did not change as it was. */
function isSame(one: FlowState, other: FlowState): boolean {
  return (['scopes', 'jobs', 'instances', 'group', 'problem', 'conclusion'] as const).every(
    (part) => one[part] === other[part],
  );
}
