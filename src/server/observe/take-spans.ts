import type { StepReport } from '../../protocol/report.ts';
import type { RunEvent } from '../../protocol/events.ts';
import type { OperationContext } from '../operation.ts';
import { INCARNATION_SETTING } from '../storage/incarnation.ts';

/** A span before it has its ids: they are made of `trace`, `key` and `parent`. Times are milliseconds since the epoch. */
export interface RecordedSpan {
  readonly trace: string;
  readonly key: string;
  /** Null: the run's. */
  readonly parent: string | null;
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly conclusion: string | null;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Moments in it. */
  readonly events: readonly { readonly name: string; readonly at: number }[];
}

/** How far the events were made into spans, by whichever server did it. */
const CURSOR_SETTING = 'traced_to';
/** Where servers share a database, ids of events are given out before they are committed: these may still be missing. */
const SETTLE_MS = 2_000;
const EVENTS_AT_ONCE = 200;

/**
 * Spans of the jobs and runs that have ended since the last call, once for all servers. The first call of a database
 * begins with what happens from then on.
 * @returns `more`: there may be more.
 */
export async function takeSpans(
  context: OperationContext,
): Promise<{ readonly spans: readonly RecordedSpan[]; readonly more: boolean }> {
  const { db, now, locks } = context;
  const cursor = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', CURSOR_SETTING)
    .$if(locks, (query) => query.forUpdate())
    .executeTakeFirst();
  if (!cursor) {
    const last = await db.selectFrom('event').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
    await db
      .insertInto('setting')
      .values({ name: CURSOR_SETTING, value: String(last?.id ?? 0) })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    return { spans: [], more: false };
  }
  const events = await db
    .selectFrom('event')
    .select(['id', 'run_id', 'body'])
    .where('id', '>', Number(cursor.value))
    .$if(locks, (query) => query.where('at', '<', now - SETTLE_MS))
    .orderBy('id')
    .limit(EVENTS_AT_ONCE)
    .execute();
  const last = events.at(-1);
  if (last === undefined) return { spans: [], more: false };
  const value = String(last.id);
  await db.updateTable('setting').set({ value }).where('name', '=', CURSOR_SETTING).execute();
  const spans: RecordedSpan[] = [];
  for (const { run_id, body } of events) {
    // Most of them are steps: they are not even parsed.
    if (!/^\{"type":"(job|run)-completed"/.test(body)) continue;
    const event = JSON.parse(body) as RunEvent;
    if (event.type === 'job-completed') spans.push(...(await spansOfJob(context, run_id, event.job)));
    else if (event.type === 'run-completed') spans.push(...(await spanOfRun(context, run_id)));
  }
  return { spans, more: events.length === EVENTS_AT_ONCE };
}

async function spanOfRun(context: OperationContext, id: number): Promise<RecordedSpan[]> {
  const run = await context.db.selectFrom('run').selectAll().where('id', '=', id).executeTakeFirst();
  if (run?.completed_at == null) return [];
  const { trace, key } = await namesOf(context, id, run.attempt);
  return [
    {
      ...{ trace, key, parent: null, name: run.name, conclusion: run.conclusion, events: [] },
      // A re-run began when the first of its jobs did; its row is as old as the first run.
      startedAt: run.attempt === 1 ? run.created_at : (run.started_at ?? run.created_at),
      endedAt: run.completed_at,
      attributes: {
        'paceline.run.id': id,
        'paceline.run.attempt': run.attempt,
        'paceline.run.event': run.event,
        'paceline.workflow.path': run.path,
        ...(run.ref === null ? {} : { 'vcs.ref.head.name': run.ref }),
        ...(run.sha === null ? {} : { 'vcs.ref.head.revision': run.sha }),
      },
    },
  ];
}

async function spansOfJob(context: OperationContext, runId: number, jobKey: string): Promise<RecordedSpan[]> {
  const job = await context.db
    .selectFrom('job')
    .selectAll()
    .where('run_id', '=', runId)
    .where('key', '=', jobKey)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (job?.completed_at == null) return [];
  const { trace, key: parent } = await namesOf(context, runId, job.run_attempt);
  const key = `${parent} job ${job.id}`;
  const attempts = await context.db
    .selectFrom('attempt')
    .leftJoin('runner', 'runner.id', 'attempt.runner_id')
    .selectAll('attempt')
    .select('runner.name as runner')
    .where('job_id', '=', job.id)
    .orderBy('no')
    .execute();
  const ids = { 'paceline.run.id': runId, 'paceline.job.key': jobKey };
  const spans: RecordedSpan[] = [
    {
      ...{ trace, key, parent, name: job.name, conclusion: job.conclusion, events: [] },
      startedAt: job.queued_at ?? job.started_at ?? job.completed_at,
      endedAt: job.completed_at,
      attributes: { ...ids, ...(job.reason === null ? {} : { 'paceline.reason': job.reason }) },
    },
  ];
  for (const attempt of attempts) {
    if (attempt.finished_at === null) continue;
    const own = { ...ids, 'paceline.attempt.id': attempt.id, 'paceline.attempt.number': attempt.no };
    const moments = { offered: attempt.offered_at, accepted: attempt.accepted_at, started: attempt.started_at };
    spans.push({
      ...{ trace, key: `attempt ${attempt.id}`, parent: key, conclusion: attempt.conclusion },
      name: `${job.name}, attempt ${attempt.no}`,
      startedAt: attempt.queued_at,
      endedAt: attempt.finished_at,
      attributes: {
        ...own,
        ...(attempt.runner === null ? {} : { 'paceline.runner.name': attempt.runner }),
        ...(attempt.reason === null ? {} : { 'paceline.reason': attempt.reason }),
      },
      events: Object.entries(moments).flatMap(([name, at]) => (at === null ? [] : [{ name, at }])),
    });
    spans.push(...(await spansOfSteps(context, trace, attempt.id, own)));
  }
  return spans;
}

async function spansOfSteps(
  { db }: OperationContext,
  trace: string,
  attempt: string,
  ids: RecordedSpan['attributes'],
): Promise<RecordedSpan[]> {
  const rows = await db
    .selectFrom('step')
    .select('report')
    .where('attempt_id', '=', attempt)
    .orderBy('number')
    .execute();
  return rows.flatMap(({ report }) => {
    const { number, name, kind, conclusion, startedAt, completedAt, exitCode } = JSON.parse(report) as StepReport;
    // One that was skipped took no time.
    if (startedAt === null || completedAt === null) return [];
    return [
      {
        ...{ trace, key: `step ${attempt} ${number}`, parent: `attempt ${attempt}`, name, conclusion, events: [] },
        startedAt: Date.parse(startedAt),
        endedAt: Date.parse(completedAt),
        attributes: {
          ...ids,
          'paceline.step.number': number,
          'paceline.step.kind': kind,
          ...(exitCode === null ? {} : { 'process.exit.code': exitCode }),
        },
      },
    ];
  });
}

/** Numbers of runs are the same in every database; its incarnation is not. */
async function namesOf(
  { db }: OperationContext,
  run: number,
  attempt: number,
): Promise<{ readonly trace: string; readonly key: string }> {
  const row = await db.selectFrom('setting').select('value').where('name', '=', INCARNATION_SETTING).executeTakeFirst();
  const trace = `${row?.value ?? ''} run ${run} ${attempt}`;
  return { trace, key: `root of ${trace}` };
}
