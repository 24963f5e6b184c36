import type { FlowEvent } from '../../flow/flow-event.ts';
import type { FlowState } from '../../flow/flow-state.ts';
import { reduce, start } from '../../flow/reduce.ts';
import type { OperationContext } from '../operation.ts';
import { Statement } from '../storage/statement.ts';
import type { RunRow } from './run-row.ts';
import { loadSubmission, loadWorkflowsSpec, runInput, type RunInput } from './run-spec.ts';

/** Events between two snapshots, at least. */
export const EVENTS_PER_SNAPSHOT = 100;

/**
 * Events between two snapshots of a state: about as many as the run has jobs, so that no event costs more because the
 * run is large. Doubles and never lies in between, so that a run that grows comes to a snapshot too.
 */
function eventsPerSnapshot({ instances, jobs }: FlowState): number {
  const size = Math.max(EVENTS_PER_SNAPSHOT, instances.size, jobs.size);
  return EVENTS_PER_SNAPSHOT * 2 ** Math.floor(Math.log2(size / EVENTS_PER_SNAPSHOT));
}

/** The state of a run as of its row's version: from memory, or rebuilt from what is written. */
export async function stateOf(context: OperationContext, run: RunRow): Promise<FlowState> {
  const known = context.runs.get(run.id, run.version);
  if (known !== null) return known;
  const state = await rebuild(context, run);
  context.runs.put(run.id, run.version, state);
  return state;
}

/** What the run is decided by. */
export async function inputOf(context: OperationContext, run: RunRow): Promise<RunInput> {
  const known = context.runs.get(run.id, run.version);
  // Flow hands on what it was begun with.
  if (known !== null) return known.input as RunInput;
  const workflows = await loadWorkflowsSpec(context, run.input_sha);
  return runInput(run, workflows, await loadSubmission(context, run.submission_sha));
}

/** Writes down what a run was told, and its state now and then. */
export async function recordEvent(
  context: OperationContext,
  run: RunRow,
  event: FlowEvent,
  state: FlowState,
): Promise<number> {
  const version = run.version + 1;
  await INSERT_EVENT.execute(context, [run.id, version, context.now, JSON.stringify(event)]);
  await SET_VERSION.execute(context, [version, run.id]);
  context.runs.put(run.id, version, state);
  if (state.conclusion === null && version % eventsPerSnapshot(state) === 0)
    await writeSnapshot(context, run.id, version, state);
  return version;
}

const INSERT_EVENT = new Statement((db, hole) =>
  db.insertInto('run_event').values({ run_id: hole(), seq: hole(), at: hole(), body: hole() }),
);
const SET_VERSION = new Statement((db, hole) =>
  db.updateTable('run').set({ version: hole() }).where('id', '=', hole()),
);

/** A state to begin replays with; null: the start of the run, or of its newest attempt. */
export async function writeSnapshot(
  { db }: OperationContext,
  runId: number,
  version: number,
  state: FlowState | null,
): Promise<void> {
  const text = state === null ? null : JSON.stringify({ ...state, input: undefined });
  await db
    .insertInto('run_snapshot')
    .values({ run_id: runId, version, state: text })
    .onConflict((conflict) => conflict.column('run_id').doUpdateSet({ version, state: text }))
    .execute();
}

async function rebuild(context: OperationContext, run: RunRow): Promise<FlowState> {
  const { db } = context;
  const input = await inputOf(context, run);
  const snapshot = await db
    .selectFrom('run_snapshot')
    .select(['version', 'state'])
    .where('run_id', '=', run.id)
    .executeTakeFirstOrThrow();
  const events = await db
    .selectFrom('run_event')
    .select(['seq', 'body'])
    .where('run_id', '=', run.id)
    .where('seq', '>', snapshot.version)
    .orderBy('seq')
    .execute();
  const last = events.at(-1)?.seq ?? snapshot.version;
  if (last !== run.version) throw new RangeError(`run ${run.id} has events up to ${last}, not ${run.version}`);
  const first =
    snapshot.state === null
      ? start(input).state
      : { ...(JSON.parse(snapshot.state) as Omit<FlowState, 'input'>), input };
  return events.reduce((state, { body }) => reduce(state, JSON.parse(body) as FlowEvent).state, first);
}
