import type { EarlierResult } from '../../flow/flow-input.ts';
import { firstAttempt } from '../../flow/key-suffix.ts';
import type { JobConclusion, Reason } from '../../protocol/conclusion.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { RunSummary } from '../../protocol/run-api.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { beginAttempt } from './begin-attempt.ts';
import { noRun, oneSummary } from './cancel-run.ts';
import { isFromFork } from './is-from-fork.ts';
import { type Kept, resultsToKeep } from './results-to-keep.ts';
import { readVars } from './read-vars.ts';
import { lockRun, type RunRow } from './run-row.ts';
import { dropSpecs, loadSubmission, loadWorkflowsSpec, storeSpec } from './run-spec.ts';
import { stateOf } from './run-state.ts';

/**
 * Runs a run that has ended again: the same commit, inputs and payload, the variables of now. `failed`: jobs that failed
 * or were cancelled and all that depends on them; the others keep their results.
 */
export async function rerun(
  context: OperationContext,
  { run: id, what, actor }: { readonly run: number; readonly what: 'all' | 'failed'; readonly actor: string },
): Promise<RunSummary> {
  const { db } = context;
  const run = await lockRun(context, id);
  if (run === null) throw noRun(id);
  if (run.state !== 'completed')
    throw new Refusal('conflict', 'illegal-transition', `run ${id} has not ended; cancel it first`);
  const kept = what === 'all' ? NOTHING : resultsToKeep(await stateOf(context, run));
  if (kept === null) throw new Refusal('conflict', null, `no job of run ${id} failed; run all of it again`);
  const earlier = { ...kept.jobs, ...(await resultsOf(context, run, kept.keys)) };
  const before = await loadSubmission(context, run.submission_sha);
  const { name = null } =
    (await db
      .selectFrom('repo')
      .select('name')
      .where('id', '=', run.repo_id ?? 0)
      .executeTakeFirst()) ?? {};
  const spec = {
    ...before,
    vars: await readVars(context, name),
    options: { ...before.options, earlier, left: kept.left },
  };
  const attempt = run.attempt + 1;
  const version = run.version + 1;
  const submission_sha = await storeSpec(context, spec);
  // Events of the attempt before stay; those of this one come after them.
  await db
    .updateTable('run')
    .set({
      attempt,
      version,
      submission_sha,
      state: 'running',
      conclusion: null,
      untrusted: isFromFork(before.github) ? 1 : 0,
      cancelling: null,
      started_at: null,
      completed_at: null,
    })
    .where('id', '=', id)
    .execute();
  await dropSpecs(context, [run.submission_sha]);
  await audit(context, { actor, action: 'run.rerun', target: `run ${id}`, detail: { what, attempt } });
  const workflows = await loadWorkflowsSpec(context, run.input_sha);
  await beginAttempt(context, { ...run, attempt, version, submission_sha, state: 'running' }, workflows, spec);
  return oneSummary(context, id);
}

const NOTHING: Kept = { keys: [], jobs: {}, left: { signals: [], milestones: {}, matrices: {} } };

/** How jobs of the run's last attempt ended, by key. */
async function resultsOf(
  { db }: OperationContext,
  run: RunRow,
  keys: readonly string[],
): Promise<Record<string, EarlierResult>> {
  const wanted = new Set(keys);
  const rows = await db
    .selectFrom('job')
    .select(['key', 'conclusion', 'reason', 'outputs'])
    .where('run_id', '=', run.id)
    .where('run_attempt', '=', run.attempt)
    .orderBy('execution')
    .execute();
  // Of several attempts the last one is what counted.
  return Object.fromEntries(
    rows
      .filter(({ key }) => wanted.has(firstAttempt(key)))
      .map(({ key, conclusion, reason, outputs }) => [
        firstAttempt(key),
        {
          conclusion: conclusion as JobConclusion,
          reason: reason as Reason | null,
          outputs: JSON.parse(outputs) as JsonMap,
        },
      ]),
  );
}
