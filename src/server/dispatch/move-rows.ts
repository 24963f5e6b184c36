import { type RawBuilder, sql, type UpdateObject } from 'kysely';
import { ATTEMPT_TRANSITIONS, type AttemptState } from '../../protocol/attempt-state.ts';
import type { Database } from '../database.ts';
import type { OperationContext } from '../operation.ts';
import { nextFence } from '../storage/fence.ts';
import { type Hole, Statement, times } from '../storage/statement.ts';
import type { Held, Move } from './move-attempt.ts';

/** An attempt's row after it was moved. */
export interface Moved {
  readonly id: string;
  readonly run_id: number;
  readonly job_id: number;
  readonly fence: number;
  readonly queued_at: number;
  readonly offered_at: number | null;
  readonly accepted_at: number | null;
  readonly started_at: number | null;
}

/** The rows of attempts that are in a state that allows it and have their fence still. */
export async function moveRows(
  context: OperationContext,
  attempts: readonly Held[],
  move: Move,
): Promise<readonly Moved[]> {
  const named = attempts.flatMap(({ id, fence }) => [id, fence]);
  const values = [...(await valuesOf(context, move)), ...named];
  return await statementOf(move).execute(context, values, attempts.length);
}

function statementOf(move: Move): Statement<Moved> {
  if (move.to === 'queued') return move.from === 'offered' ? RETURN_OFFERED : RETURN_ACCEPTED;
  if (move.to === 'finished') return move.reported ? FINISH_REPORTED : FINISH;
  return { offered: OFFER, accepted: ACCEPT, running: RUN, disconnected: DISCONNECT }[move.to];
}

/** For the holes of {@link statementOf}, in order. */
async function valuesOf(context: OperationContext, move: Move): Promise<readonly unknown[]> {
  const { now } = context;
  switch (move.to) {
    case 'offered':
      return [move.session, move.runner, move.fence, now];
    case 'accepted':
    case 'running':
    case 'disconnected':
      return [now];
    case 'queued':
      return [await nextFence(context)];
    case 'finished': {
      const { conclusion, reason, lost, reported } = move;
      return [now, conclusion, reason, lost, ...(reported ? [] : [await nextFence(context)])];
    }
  }
}

/** Some are counted on from what the row has. */
type Columns = UpdateObject<Database, 'attempt'>;

function moveStatement(
  to: AttemptState,
  from: readonly AttemptState[],
  columns: (hole: Hole) => Columns,
): Statement<Moved> {
  return new Statement((db, hole, rows) =>
    db
      .updateTable('attempt')
      .set({ state: to, ...columns(hole) })
      .where('state', 'in', from)
      .where(areNamed(hole, rows))
      .returning(['id', 'run_id', 'job_id', 'fence', 'queued_at', 'offered_at', 'accepted_at', 'started_at']),
  );
}

/** One is found faster than a list of one. */
function areNamed(hole: Hole, rows: number): RawBuilder<boolean> {
  if (rows === 1) return sql`id = ${hole()} and fence = ${hole()}`;
  const pairs = times(rows, () => sql`(cast(${hole()} as text), cast(${hole()} as bigint))`);
  return sql`(id, fence) in (values ${sql.join(pairs)})`;
}

const OFFER = moveStatement('offered', statesBefore('offered'), (hole) => {
  return { session_id: hole(), runner_id: hole(), fence: hole(), offered_at: hole() };
});
const ACCEPT = moveStatement('accepted', statesBefore('accepted'), (hole) => ({ accepted_at: hole() }));
const RUN = moveStatement('running', statesBefore('running'), (hole) => {
  return { started_at: sql<number>`coalesce(started_at, ${hole()})`, disconnected_at: null };
});
const DISCONNECT = moveStatement('disconnected', statesBefore('disconnected'), (hole) => ({ disconnected_at: hole() }));
const UNHELD = { session_id: null, runner_id: null, offered_at: null, accepted_at: null };
const RETURN_OFFERED = moveStatement('queued', ['offered'], (hole) => ({ ...UNHELD, fence: hole() }));
const RETURN_ACCEPTED = moveStatement('queued', ['accepted'], (hole) => {
  return { ...UNHELD, fence: hole(), returns: sql<number>`returns + 1` };
});
const finished = (hole: Hole) => ({ finished_at: hole(), conclusion: hole(), reason: hole(), lost: hole() });
const FINISH_REPORTED = moveStatement('finished', statesBefore('finished'), finished);
const FINISH = moveStatement('finished', statesBefore('finished'), (hole) => ({ ...finished(hole), fence: hole() }));

/** Every state from which the table of transitions leads to this one. */
export function statesBefore(to: AttemptState): AttemptState[] {
  return (Object.keys(ATTEMPT_TRANSITIONS) as AttemptState[]).filter((from) => ATTEMPT_TRANSITIONS[from].includes(to));
}
