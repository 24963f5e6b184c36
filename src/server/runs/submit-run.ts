import type { JsonMap } from '../../protocol/job-message.ts';
import type { RunSummary, RunView } from '../../protocol/run-api.ts';
import { githubContext, ZERO_SHA } from '../../workflow/github-context.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { isFromFork } from './is-from-fork.ts';
import { audit } from '../secrets/audit.ts';
import { beginAttempt } from './begin-attempt.ts';
import { lockText } from './lock-text.ts';
import { readVars } from './read-vars.ts';
import type { RunRow } from './run-row.ts';
import { storeSpec, type SubmissionSpec, type WorkflowsSpec } from './run-spec.ts';
import { readSummaries } from './run-summaries.ts';
import { keyOf, knownRuns, MAX_RUNS_PER_SUBMISSION, runsOfKey } from './submission-keys.ts';

/** One workflow of a submission, loaded and checked with all that it calls. */
export interface NewRun extends WorkflowsSpec {
  /** Of the workflow's file in its repository. */
  readonly path: string;
  /** The `inputs` context: typed, with defaults. */
  readonly inputs: JsonMap;
  /** Warnings. */
  readonly diagnostics: RunView['diagnostics'];
}

export interface Submission {
  readonly actor: string;
  /** As audited; default: the actor. */
  readonly audited?: string;
  readonly repository: {
    readonly name: string;
    readonly cloneUrl: string | null;
    readonly defaultBranch: string;
  } | null;
  /** Full, such as `refs/heads/main`; null for a run that has none. */
  readonly ref: string | null;
  readonly sha: string | null;
  readonly event: string;
  readonly payload: JsonMap;
  readonly job: string | null;
  readonly priority: number;
  readonly exclusive: readonly string[];
  readonly dedupeKey: string | null;
  readonly runs: readonly NewRun[];
}

/**
 * Makes runs and starts them. With a key that the repository has seen before, it answers with the runs of that time.
 * Refuses a run of more jobs than the server allows, and a job that the workflow does not have.
 */
export async function submitRun(context: OperationContext, submission: Submission): Promise<{ runs: RunSummary[] }> {
  const { runs, dedupeKey } = submission;
  const repo = submission.repository === null ? null : await repoId(context, submission.repository.name);
  if (runs.length > MAX_RUNS_PER_SUBMISSION)
    throw new Refusal('invalid', null, `a submission may start at most ${MAX_RUNS_PER_SUBMISSION} workflows`);
  if (dedupeKey !== null) {
    const known = await knownRuns(context, repo, dedupeKey);
    if (known.length > 0) return { runs: await readSummaries(context, known) };
  }
  const ids: number[] = [];
  for (const [index, run] of runs.entries()) ids.push(await submitOne(context, submission, repo, run, index));
  return { runs: await readSummaries(context, ids) };
}

/** Runs of an earlier submission with this key, so that nothing has to be fetched for the second one. */
export async function findSubmission(
  context: OperationContext,
  { repository, dedupeKey }: { readonly repository: string | null; readonly dedupeKey: string },
): Promise<{ runs: RunSummary[] }> {
  const row =
    repository === null
      ? null
      : await context.db.selectFrom('repo').select('id').where('name', '=', repository).executeTakeFirst();
  if (repository !== null && !row) return { runs: [] };
  return { runs: await readSummaries(context, await runsOfKey(context, row?.id ?? null, dedupeKey)) };
}

async function submitOne(
  context: OperationContext,
  submission: Submission,
  repo: number | null,
  run: NewRun,
  index: number,
): Promise<number> {
  const { db, now } = context;
  const { actor, ref, sha, event, priority, dedupeKey } = submission;
  const [plan] = run.workflows;
  if (!plan) throw new Refusal('invalid', null, 'there is no workflow to run');
  const spec = await submissionSpec(context, submission, run);
  const input_sha = await storeSpec(context, { workflows: run.workflows, calls: run.calls });
  const submission_sha = await storeSpec(context, spec);
  const number = await nextNumber(context, repo, run.path);
  const { id } = await db
    .insertInto('run')
    .values({
      repo_id: repo,
      number,
      name: plan.name ?? run.path,
      path: run.path,
      event,
      ref,
      sha,
      actor,
      state: 'running',
      version: 0,
      input_sha,
      submission_sha,
      attempt: 1,
      priority,
      untrusted: isFromFork(spec.github) ? 1 : 0,
      dedupe_key: dedupeKey === null ? null : keyOf(dedupeKey, index),
      created_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const row: RunRow = {
    id,
    repo_id: repo,
    number,
    state: 'running',
    paused: 0,
    version: 0,
    input_sha,
    submission_sha,
    attempt: 1,
    priority,
    started_at: null,
  };
  const { audited = actor } = submission;
  const detail = { path: run.path, event, ref };
  await audit(context, { actor: audited, action: 'run.submit', target: `run ${id}`, detail });
  await beginAttempt(context, row, run, spec);
  return id;
}

async function submissionSpec(
  context: OperationContext,
  submission: Submission,
  { workflows, path, inputs, diagnostics }: NewRun,
): Promise<SubmissionSpec> {
  const { repository, ref, sha, actor, event, payload, job, exclusive } = submission;
  const { github } = githubContext({
    place: {
      repository: repository?.name ?? NO_REPOSITORY,
      serverUrl: context.settings.baseUrl,
      actor,
      sha: sha ?? ZERO_SHA,
      ref: ref ?? `refs/heads/${DEFAULT_BRANCH}`,
      defaultBranch: repository?.defaultBranch ?? DEFAULT_BRANCH,
    },
    workflowPath: path,
    workflowName: workflows[0]?.name ?? null,
    eventName: event,
    payload,
    inputs,
    // The run's row says.
    runId: '',
    runNumber: '',
    runAttempt: '',
  });
  return {
    github,
    inputs,
    vars: await readVars(context, repository?.name ?? null),
    options: { job, withNeeds: true, matrix: [], earlier: {} },
    exclusive,
    cloneUrl: repository?.cloneUrl ?? null,
    diagnostics,
  };
}

/** What a run without a repository says it is of. */
const NO_REPOSITORY = 'local/workspace';
export const DEFAULT_BRANCH = 'main';

/** Runs of a repository that nobody registered belong to its name. */
async function repoId({ db, now }: OperationContext, name: string): Promise<number> {
  await db
    .insertInto('repo')
    .values({ name, clone_url: null, default_branch: null, created_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const { id } = await db.selectFrom('repo').select('id').where('name', '=', name).executeTakeFirstOrThrow();
  return id;
}

async function nextNumber(context: OperationContext, repo: number | null, path: string): Promise<number> {
  const { db } = context;
  await lockText(context, `number ${repo ?? ''} ${path}`);
  const last = await db
    .selectFrom('run')
    .select('number')
    .where('path', '=', path)
    .where('repo_id', repo === null ? 'is' : '=', repo)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (last?.number ?? 0) + 1;
}
