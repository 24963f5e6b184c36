import type { Cancel, Offer, PollRequest } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';
import { IS_LIVE } from './is-live.ts';

export interface PolledSession {
  readonly session: string;
  readonly holding: PollRequest['holding'];
}

/** How a session's view differs from the server's. */
export interface SessionView {
  readonly session: string;
  /** Null where the session is over: its token says the rest. */
  readonly view: {
    readonly offers: readonly Offer[];
    readonly cancels: readonly Cancel[];
    readonly fenced: readonly string[];
    readonly paused: boolean;
    readonly leave: boolean;
    readonly draining: boolean;
    /** What is written down of what its agent said. */
    readonly takesWork: boolean;
    readonly note: string | null;
    /** Offers in all, those that the agent knows of among them. */
    readonly offered: number;
  } | null;
}

/** Looks at the server's state for all of these sessions at once. */
export async function pollState(
  context: OperationContext,
  { sessions }: { readonly sessions: readonly PolledSession[] },
): Promise<{ readonly views: readonly SessionView[] }> {
  const { now } = context;
  const ids = sessions.map(({ session }) => session);
  const rows = await READ_SESSIONS.execute(context, ids, ids.length);
  const attempts = await attemptsOf(context, ids);
  const others = await othersOf(
    context,
    sessions.flatMap(({ holding }) => holding.map(({ attempt }) => attempt)).filter((id) => !attempts.has(id)),
  );
  const known = new Map(rows.map((row) => [row.id, row]));
  const own = new Map<string | null, (typeof attempts extends ReadonlyMap<string, infer Row> ? Row : never)[]>();
  for (const attempt of attempts.values())
    own.set(attempt.session_id, [...(own.get(attempt.session_id) ?? []), attempt]);
  const views = sessions.map(({ session, holding }): SessionView => {
    const row = known.get(session);
    if (!row || row.state === 'ended') return { session, view: null };
    const held = new Map(holding.map((one) => [one.attempt, one]));
    const mine = own.get(session) ?? [];
    const isTheirs = ({ attempt, fence }: { attempt: string; fence: number }): boolean => {
      const found = attempts.get(attempt) ?? others.get(attempt);
      // One that has ended keeps its fence where its agent said so.
      return found?.session_id === session && found.fence === fence;
    };
    return {
      session,
      view: {
        offers: mine
          .filter(({ id, fence, state }) => state === 'offered' && held.get(id)?.fence !== fence)
          .map((attempt) => ({
            attempt: attempt.id,
            fence: attempt.fence,
            run: attempt.run_id,
            job: attempt.key,
            repository: attempt.repository,
            expiresMs: Math.max(0, (attempt.due_at ?? now) - now),
          })),
        cancels: mine
          .filter(({ id, cancel_cause, cancel_force }) => {
            const one = held.get(id);
            // Whether an agent knows that an end is forced it does not say: the service remembers whom it told.
            return cancel_cause !== null && (one?.cancelling !== true || cancel_force === 1);
          })
          .map(({ id, fence, cancel_cause, cancel_force }) => ({
            attempt: id,
            fence,
            cause: cancel_cause as Cancel['cause'],
            force: cancel_force === 1,
          })),
        fenced: holding.filter((one) => !isTheirs(one)).map(({ attempt }) => attempt),
        paused: row.paused === 1,
        leave:
          row.removed_at !== null ||
          row.leave_asked === 1 ||
          (row.ephemeral === 1 && row.consumed === 1 && mine.length === 0 && holding.length === 0),
        draining: row.state === 'draining',
        takesWork: row.takes_work === 1,
        note: row.note,
        offered: mine.filter(({ state }) => state === 'offered').length,
      },
    };
  });
  return { views };
}

const READ_SESSIONS = new Statement((db, hole, rows) =>
  db
    .selectFrom('session')
    .innerJoin('runner', 'runner.id', 'session.runner_id')
    .select(['session.id', 'session.state', 'session.takes_work', 'session.note', 'session.leave_asked'])
    .select(['runner.paused', 'runner.ephemeral', 'runner.consumed', 'runner.removed_at'])
    .where('session.id', 'in', times(rows, hole)),
);

async function attemptsOf(context: OperationContext, sessions: readonly string[]) {
  const rows = await READ_ATTEMPTS.execute(context, sessions, sessions.length);
  return new Map(rows.map((row) => [row.id, row]));
}

const READ_ATTEMPTS = new Statement((db, hole, rows) =>
  db
    .selectFrom('attempt')
    .innerJoin('job', 'job.id', 'attempt.job_id')
    .innerJoin('run', 'run.id', 'attempt.run_id')
    .leftJoin('repo', 'repo.id', 'run.repo_id')
    .leftJoin('lease', 'lease.attempt_id', 'attempt.id')
    .select(['attempt.id', 'attempt.fence', 'attempt.state', 'attempt.session_id', 'attempt.run_id'])
    .select(['attempt.cancel_cause', 'attempt.cancel_force', 'job.key', 'repo.name as repository', 'lease.due_at'])
    .where('attempt.session_id', 'in', times(rows, hole))
    .where(IS_LIVE)
    .orderBy('attempt.id'),
);

async function othersOf({ db }: OperationContext, ids: readonly string[]) {
  if (ids.length === 0) return new Map<string, { session_id: string | null; fence: number }>();
  const rows = await db.selectFrom('attempt').select(['id', 'session_id', 'fence']).where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}
