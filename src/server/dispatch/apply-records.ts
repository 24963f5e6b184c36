import { sql } from 'kysely';
import type { Reason } from '../../protocol/conclusion.ts';
import type { AttemptState, LossPolicy } from '../../protocol/attempt-state.ts';
import type { RunEvent, StepState } from '../../protocol/events.ts';
import type { StepReport } from '../../protocol/report.ts';
import type { OperationContext } from '../operation.ts';
import { jobEnded } from '../runs/job-ended.ts';
import { jobStarted } from '../runs/job-started.ts';
import { emit, emitAll } from '../runs/run-events.ts';
import { tellRun } from '../runs/tell-run.ts';
import { rawStatement, Statement, times } from '../storage/statement.ts';
import { RECORD_SEPARATOR } from './check-chain.ts';
import { ILLEGAL_RECORD_TOTAL } from './counted.ts';
import { endOpenSteps } from './end-open-steps.ts';
import { sealLogs } from './log-rows.ts';
import { LOSS_MESSAGES, retryLost } from './lose-attempt.ts';
import { moveAttempt } from './move-attempt.ts';
import { type Chained, type FinishRecord, readRecords, type ReadRecords, type RequestRecord } from './read-records.ts';
import type { KnownStep, StepBefore } from './step-rules.ts';

export interface ReportedAttempt {
  readonly id: string;
  readonly fence: number;
  readonly state: AttemptState;
  readonly job_id: number;
  readonly run_id: number;
  readonly key: string;
  readonly no: number;
  readonly policy: LossPolicy;
  readonly cancel_cause: string | null;
}

/** What became of fresh records. */
export interface Applied {
  readonly ack: number | null;
  readonly illegal: boolean;
  readonly finished: boolean;
}

/** Applies the records that follow what is known, up to the first that is not allowed, with all that follows from them. */
export async function applyRecords(
  context: OperationContext,
  attempt: ReportedAttempt,
  fresh: readonly Chained[],
): Promise<Applied> {
  const steps = attempt.state === 'accepted' ? NO_STEPS : await stepsOf(context, attempt.id);
  const read = readRecords(attempt.state, steps, fresh);
  if (read.broken !== null) context.count(ILLEGAL_RECORD_TOTAL, { rule: read.broken });
  const last = read.allowed.at(-1)?.chained;
  if (last === undefined) return { ack: null, illegal: read.broken !== null, finished: false };
  await storeJournal(context, attempt.id, read.allowed, last);
  await storeSteps(context, attempt.id, read.changed);
  await sealLogs(
    context,
    attempt.id,
    read.allowed.flatMap(({ record }) => (record.kind === 'log-sealed' ? [record] : [])),
  );
  for (const { record } of read.allowed)
    if (record.kind === 'job-started') {
      await moveAttempt(context, attempt, { to: 'running' });
      const { id: attemptId, job_id: jobId, run_id: runId } = attempt;
      await jobStarted(context, { attemptId, jobId, runId, at: record.at });
    }
  await emitAll(context, attempt.run_id, eventsOf(read, attempt.key));
  for (const { record } of read.allowed) if (record.kind === 'flow-request') await ask(context, attempt, record);
  if (read.finish !== null) await finish(context, attempt, read.finish);
  return { ack: last.seq, illegal: read.broken !== null, finished: read.finish !== null };
}

const NO_STEPS: ReadonlyMap<number, StepBefore> = new Map();

async function stepsOf(context: OperationContext, attemptId: string): Promise<ReadonlyMap<number, StepBefore>> {
  const rows = await READ_STEPS.execute(context, [attemptId]);
  return new Map(
    rows.map(({ number, state, report }): [number, StepBefore] => [
      number,
      report === null
        ? { state: 'completed', step: null }
        : { state: state as StepState, step: JSON.parse(report) as StepReport },
    ]),
  );
}

const READ_STEPS = rawStatement(
  (hole) => sql<{ number: number; state: string; report: string | null }>`
    select number, state, case when state <> 'completed' then report end as report from step
    where attempt_id = ${hole()}`,
);

/** Databases limit the parameters of a statement. */
const ROWS_PER_STATEMENT = 200;

async function storeJournal(
  context: OperationContext,
  id: string,
  allowed: ReadRecords['allowed'],
  last: Chained,
): Promise<void> {
  const body = allowed.map(({ chained: { text } }) => text).join(RECORD_SEPARATOR);
  await STORE_JOURNAL.execute(context, [id, last.seq, last.hash, context.now, body]);
  await ACKNOWLEDGE.execute(context, [last.seq, last.hash, id]);
}

const STORE_JOURNAL = new Statement((db, hole) =>
  db.insertInto('journal').values({ attempt_id: hole(), seq: hole(), hash: hole(), at: hole(), body: hole() }),
);

const ACKNOWLEDGE = new Statement((db, hole) =>
  db.updateTable('attempt').set({ ack_seq: hole(), journal_hash: hole() }).where('id', '=', hole()),
);

async function storeSteps(
  context: OperationContext,
  id: string,
  changed: ReadonlyMap<number, KnownStep>,
): Promise<void> {
  const steps = [...changed];
  for (let at = 0; at < steps.length; at += ROWS_PER_STATEMENT) {
    const rows = steps.slice(at, at + ROWS_PER_STATEMENT);
    const values = rows.flatMap(([number, { state, step }]) => [id, number, state, JSON.stringify(step)]);
    await STORE_STEPS.execute(context, values, rows.length);
  }
}

const STORE_STEPS = new Statement((db, hole, rows) =>
  db
    .insertInto('step')
    .values(times(rows, () => ({ attempt_id: hole(), number: hole(), state: hole(), report: hole() })))
    .onConflict((conflict) =>
      conflict
        .columns(['attempt_id', 'number'])
        .doUpdateSet((set) => ({ state: set.ref('excluded.state'), report: set.ref('excluded.report') })),
    ),
);

function eventsOf({ allowed }: ReadRecords, job: string): RunEvent[] {
  return allowed.flatMap(({ record }): RunEvent[] => {
    if (record.kind === 'step') {
      const { at, state, step } = record;
      return [{ type: 'step', at, job, state, step }];
    }
    if (record.kind !== 'annotation') return [];
    const { at, step, annotation } = record;
    return [{ type: 'annotation', at, job, step, annotation }];
  });
}

/** What a step asks of its run. Ids are the attempt's own, so that what is reported twice is done once. */
async function ask(context: OperationContext, attempt: ReportedAttempt, record: RequestRecord): Promise<void> {
  const { run_id: runId, key: job } = attempt;
  const { at, id, request } = record;
  const refused = await tellRun(context, runId, {
    kind: 'requested',
    id: `step ${attempt.id} ${id}`,
    by: { job },
    request,
  });
  const event: RunEvent = { type: 'flow-request', at, job, id, request };
  await emit(context, runId, refused === null ? event : { ...event, refused });
}

async function finish(context: OperationContext, attempt: ReportedAttempt, record: FinishRecord): Promise<void> {
  const { conclusion, reason, lost, outputs, startedAt, completedAt, wish } = record;
  const moved = await moveAttempt(context, attempt, { to: 'finished', conclusion, reason, lost, reported: true });
  if (!moved) return;
  if (lost !== null) {
    const open = conclusion === 'cancelled' ? conclusion : 'failure';
    await endOpenSteps(context, attempt.id, { conclusion: open, reason: (reason ?? 'runner-lost') as Reason });
    if (attempt.cancel_cause === null && lost !== 'agent-refused' && (await retryLost(context, attempt))) return;
  }
  const { job_id: jobId, run_id: runId } = attempt;
  const message = lost === null ? null : LOSS_MESSAGES[lost];
  const end = { conclusion, reason, message, outputs, startedAt, completedAt };
  await jobEnded(context, { jobId, runId, ...end, ...(wish === undefined ? {} : { wish }) });
}
