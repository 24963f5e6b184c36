import { sql } from 'kysely';
import type { FlowInput } from '../../flow/flow-input.ts';
import { type FlowStep, start } from '../../flow/reduce.ts';
import { startedEvent } from '../../flow/started-event.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { RunSummary, RunView } from '../../protocol/run-api.ts';
import { githubContext, ZERO_SHA } from '../../workflow/github-context.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { carryOut } from './carry-out.ts';
import { emit, isoTime } from './run-events.ts';
import type { RunRow } from './run-row.ts';
import { storeSpec, type SubmissionSpec, withRun, type WorkflowsSpec } from './run-spec.ts';
import { writeSnapshot } from './run-state.ts';
import { readSummaries } from './run-summaries.ts';

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

/** Runs of one submission at most: workflows of a repository that one event starts. */
export const MAX_RUNS_PER_SUBMISSION = 100;

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
    version: 0,
    input_sha,
    submission_sha,
    attempt: 1,
    priority,
  };
  await audit(context, { actor, action: 'run.submit', target: `run ${id}`, detail: { path: run.path, event, ref } });
  await beginAttempt(context, row, run, spec);
  return id;
}

/** Starts an attempt at a run: its first, or a re-run. The run's row says which. */
export async function beginAttempt(
  context: OperationContext,
  run: RunRow,
  { workflows, calls }: WorkflowsSpec,
  { github, inputs, vars, options }: SubmissionSpec,
): Promise<void> {
  const input: FlowInput = { workflows, calls, contexts: { github: withRun(github, run), inputs, vars }, options };
  const { state, commands } = startFlow(input);
  const jobs = Math.max(state.instances.size, commands.length, state.jobs.size);
  const { maxJobs } = context.settings;
  if (jobs > maxJobs)
    throw new Refusal(
      'invalid',
      'too-large',
      `the run would have ${jobs} jobs; at most ${maxJobs} are taken (server.maxJobs)`,
    );
  await writeSnapshot(context, run.id, run.version, null);
  context.runs.put(run.id, run.version, state);
  const path = workflows[0]?.path ?? '';
  const event = startedEvent(input, path, isoTime(context.now));
  await emit(context, run.id, run.attempt === 1 ? event : { ...event, attempt: run.attempt });
  await carryOut(context, run, commands);
}

function startFlow(input: FlowInput): FlowStep {
  try {
    return start(input);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Refusal('invalid', null, error.message);
  }
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

/** Variables of the server and of the repository, which win. */
export async function readVars({ db }: OperationContext, repository: string | null): Promise<JsonMap> {
  const rows = await db
    .selectFrom('variable')
    .select(['name', 'value'])
    .where('scope', 'in', ['', ...(repository === null ? [] : [repository])])
    .orderBy('scope')
    .execute();
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

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

async function knownRuns(context: OperationContext, repo: number | null, key: string): Promise<number[]> {
  await lockText(context, `submission ${repo ?? ''} ${key}`);
  return runsOfKey(context, repo, key);
}

async function runsOfKey({ db }: OperationContext, repo: number | null, key: string): Promise<number[]> {
  const rows = await db
    .selectFrom('run')
    .select('id')
    .where('repo_id', repo === null ? 'is' : '=', repo)
    .where(
      'dedupe_key',
      'in',
      Array.from({ length: MAX_RUNS_PER_SUBMISSION }, (_, index) => keyOf(key, index)),
    )
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** A submission may start many runs, and each has a key of its own. */
function keyOf(key: string, index: number): string {
  return `${key}\n${index}`;
}

/** Of two transactions that look for the same thing and make it when it is not there, one comes first. */
async function lockText({ db, locks }: OperationContext, text: string): Promise<void> {
  if (locks) await sql`select pg_advisory_xact_lock(hashtextextended(${text}, 0))`.execute(db);
}
