import type { Selectable } from 'kysely';
import type { WaitsFor } from '../../flow/flow-event.ts';
import { waitsText } from '../../flow/waits-text.ts';
import type { StepState } from '../../protocol/events.ts';
import type { JobView, RunView } from '../../protocol/run-api.ts';
import type { StepReport } from '../../protocol/report.ts';
import type { Database } from '../database.ts';
import { waitReasons } from '../dispatch/wait-reason.ts';
import type { OperationContext } from '../operation.ts';
import { noRun, oneSummary } from './cancel-run.ts';
import { triesOf } from './job-report.ts';
import { readRun, type RunRow } from './run-row.ts';
import { loadSubmission, loadWorkflowsSpec } from './run-spec.ts';
import { maybeTime } from './run-summaries.ts';
import { unstartedJobs } from './unstarted-jobs.ts';

/** A run with its jobs as of one of its attempts, the last one by default. */
export async function showRun(
  context: OperationContext,
  { run: id, attempt }: { readonly run: number; readonly attempt: number | null },
): Promise<RunView> {
  const run = await readRun(context, id);
  if (run === null || (attempt !== null && attempt > run.attempt)) throw noRun(id);
  const summary = await oneSummary(context, id);
  const { diagnostics } = await loadSubmission(context, run.submission_sha);
  const jobs = await readJobs(context, run, attempt ?? run.attempt);
  const isOpen = run.state !== 'completed' && (attempt === null || attempt === run.attempt);
  if (isOpen) {
    const shown = new Set(jobs.map(({ key }) => key));
    jobs.push(...(await unstartedJobs(context, run)).filter(({ key }) => !shown.has(key)));
  }
  const { workflows } = await loadWorkflowsSpec(context, run.input_sha);
  const declared = (workflows[0]?.jobs ?? []).map((job) => job.id);
  const place = (key: string): number => declared.indexOf(/^[^.@~]*/.exec(key)?.[0] ?? key);
  return { ...summary, jobs: jobs.sort((one, other) => place(one.key) - place(other.key)), diagnostics };
}

async function readJobs(context: OperationContext, run: RunRow, attempt: number): Promise<JobView[]> {
  const { db } = context;
  const rows = await db
    .selectFrom('job')
    .leftJoin('attempt', 'attempt.id', 'job.attempt_id')
    .leftJoin('runner', 'runner.id', 'attempt.runner_id')
    .selectAll('job')
    .select(['attempt.state as attempt_state', 'runner.name as runner'])
    .where('job.run_id', '=', run.id)
    .where('job.run_attempt', '=', attempt)
    .orderBy('job.id')
    .execute();
  const steps = await readSteps(
    context,
    rows.flatMap(({ attempt_id }) => attempt_id ?? []),
  );
  const queued = rows.filter(({ attempt_state }) => attempt_state === 'queued');
  const reasons = await waitReasons(
    context,
    queued.flatMap(({ label_set_id }) => label_set_id ?? []),
  );
  return rows.map((row) => ({
    key: row.key,
    id: row.job_id,
    name: row.name,
    instance: row.instance,
    matrix: row.matrix === null ? null : (JSON.parse(row.matrix) as Record<string, unknown>),
    needs: JSON.parse(row.needs) as string[],
    iteration: row.iteration,
    state: row.state,
    ...whyNot(row, reasons),
    conclusion: row.conclusion as JobView['conclusion'],
    reason: row.reason,
    message: row.message,
    outputs: JSON.parse(row.outputs) as Record<string, string>,
    attempt: row.attempt_no === 0 ? row.execution - 1 : triesOf(row),
    attemptId: row.attempt_id,
    attemptState: row.attempt_state,
    runner: row.runner,
    labels: JSON.parse(row.labels) as string[],
    queuedAt: maybeTime(row.queued_at),
    startedAt: maybeTime(row.started_at),
    completedAt: maybeTime(row.completed_at),
    steps: steps.get(row.attempt_id ?? '') ?? [],
  }));
}

function whyNot(
  row: Pick<Selectable<Database['job']>, 'state' | 'waits' | 'label_set_id'>,
  reasons: ReadonlyMap<number, string>,
): Pick<JobView, 'waiting' | 'waitsFor'> {
  if (row.state === 'queued')
    return { waiting: reasons.get(row.label_set_id ?? 0) ?? 'a runner is about to take it', waitsFor: null };
  const waitsFor = row.state === 'waiting' && row.waits !== null ? (JSON.parse(row.waits) as WaitsFor) : null;
  return { waiting: waitsFor === null ? null : waitsText(waitsFor), waitsFor: waitsFor as JobView['waitsFor'] };
}

/** Databases limit the parameters of a statement. */
const IDS_PER_STATEMENT = 1_000;

async function readSteps(
  { db }: OperationContext,
  attempts: readonly string[],
): Promise<ReadonlyMap<string, JobView['steps']>> {
  const steps = new Map<string, JobView['steps']>();
  for (let from = 0; from < attempts.length; from += IDS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('step')
      .leftJoin('log_stream', (join) =>
        join.onRef('log_stream.attempt_id', '=', 'step.attempt_id').onRef('log_stream.step', '=', 'step.number'),
      )
      .select(['step.attempt_id', 'step.state', 'step.report'])
      .select(['log_stream.length', 'log_stream.lines', 'log_stream.sealed_length'])
      .where('step.attempt_id', 'in', attempts.slice(from, from + IDS_PER_STATEMENT))
      .orderBy('step.number')
      .execute();
    for (const { attempt_id, state, report, length, lines, sealed_length } of rows) {
      const log = length === null ? null : { length, lines: lines ?? 0, sealed: sealed_length === length };
      const view = { state: state as StepState, step: JSON.parse(report) as StepReport, log };
      steps.set(attempt_id, [...(steps.get(attempt_id) ?? []), view]);
    }
  }
  return steps;
}
