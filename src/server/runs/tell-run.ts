import type { FlowCommand, FlowEvent } from '../../flow/flow-event.ts';
import type { FlowState } from '../../flow/flow-state.ts';
import { reduce } from '../../flow/reduce.ts';
import type { OperationContext } from '../operation.ts';
import { carryOut } from './carry-out.ts';
import { lockRun, type RunRow } from './run-row.ts';
import { recordEvent, stateOf } from './run-state.ts';

/**
 * Tells a run what happened, and does what follows: jobs that start, are cancelled or are over, the run's end, and what
 * that means for other runs. What means nothing to the run (any more) is not even written down.
 * @param before Done before what follows, and also when nothing follows.
 * @returns why the run refuses what was requested: a sentence; null otherwise.
 */
export async function tellRun(
  context: OperationContext,
  runId: number,
  event: FlowEvent,
  before: (commands: readonly FlowCommand[]) => Promise<void> = nothing,
): Promise<string | null> {
  const run = await lockRun(context, runId);
  if (run !== null) return tellLocked(context, run, event, before);
  await before([]);
  return null;
}

/** {@link tellRun} of one whose row is locked by now. */
export async function tellLocked(
  context: OperationContext,
  run: RunRow,
  event: FlowEvent,
  before: (commands: readonly FlowCommand[]) => Promise<void>,
): Promise<string | null> {
  if (run.state === 'completed') {
    await before([]);
    return null;
  }
  const known = await stateOf(context, run);
  const { state, commands, refused } = reduce(known, event);
  await before(commands);
  if (event.kind === 'requested' && state.instances.size > Math.max(known.instances.size, context.settings.maxJobs))
    return `It would have ${state.instances.size} jobs; at most ${context.settings.maxJobs} are taken (server.maxJobs).`;
  if (refused !== null || (commands.length === 0 && isSame(known, state))) return refused;
  const version = await recordEvent(context, run, event, state);
  await carryOut(context, { ...run, version }, commands);
  return null;
}

/** Flow leaves what it did not change as it was. */
function isSame(one: FlowState, other: FlowState): boolean {
  const names = Object.keys(other) as (keyof FlowState)[];
  return names.every((part) => one[part] === other[part]);
}

async function nothing(): Promise<void> {
  // Most events have no more to them than what follows.
}
