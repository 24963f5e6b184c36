import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { FlowInput, FlowOptions } from '../../flow/flow-input.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { RunView } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';
import { lockText } from './lock-text.ts';

/** The workflows of a run: many runs share them. */
export type WorkflowsSpec = Pick<FlowInput, 'workflows' | 'calls'>;

/** What a run, or an attempt at it, was submitted with beside its workflows. */
export interface SubmissionSpec {
  /** Without what only the run's row knows: see {@link withRun}. */
  readonly github: JsonMap;
  readonly inputs: JsonMap;
  readonly vars: JsonMap;
  readonly options: FlowOptions;
  /** Ids of jobs that may not run twice at once, or `*`. */
  readonly exclusive: readonly string[];
  /** Where the repository is cloned from, when the submission says so. */
  readonly cloneUrl: string | null;
  readonly diagnostics: RunView['diagnostics'];
}

/** What flow decides a run by, and what the server does with its jobs by: kept in memory with the run's state. */
export interface RunInput extends FlowInput {
  readonly exclusive: SubmissionSpec['exclusive'];
  readonly cloneUrl: SubmissionSpec['cloneUrl'];
}

export function runInput(
  run: { readonly id: number; readonly number: number; readonly attempt: number },
  { workflows, calls }: WorkflowsSpec,
  { github, inputs, vars, options, exclusive, cloneUrl }: SubmissionSpec,
): RunInput {
  const contexts = { github: withRun(github, run), inputs, vars };
  return { workflows, calls, contexts, options, exclusive, cloneUrl };
}

/** @returns its SHA-256. */
export async function storeSpec(context: OperationContext, spec: WorkflowsSpec | SubmissionSpec): Promise<string> {
  const body = JSON.stringify(spec);
  const sha256 = createHash('sha256').update(body).digest('hex');
  // One that is there already must not be dropped before the run that is to refer to it does.
  await lockText(context, `spec ${sha256}`);
  await context.db
    .insertInto('spec')
    .values({ sha256, body })
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .execute();
  return sha256;
}

/** Deletes those that no run refers to any more. */
export async function dropSpecs(context: OperationContext, candidates: readonly string[]): Promise<void> {
  const specs = [...new Set(candidates)].sort();
  for (const sha256 of specs) await lockText(context, `spec ${sha256}`);
  await context.db
    .deleteFrom('spec')
    .where('sha256', 'in', specs)
    .where(
      sql<boolean>`not exists (select 1 from run where run.input_sha = spec.sha256 or run.submission_sha = spec.sha256)`,
    )
    .execute();
}

export async function loadWorkflowsSpec(context: OperationContext, sha256: string): Promise<WorkflowsSpec> {
  return JSON.parse(await bodyOf(context, sha256)) as WorkflowsSpec;
}

export async function loadSubmission(context: OperationContext, sha256: string): Promise<SubmissionSpec> {
  return JSON.parse(await bodyOf(context, sha256)) as SubmissionSpec;
}

/** The `github` context of a run. */
function withRun(
  github: JsonMap,
  { id, number, attempt }: { readonly id: number; readonly number: number; readonly attempt: number },
): JsonMap {
  return { ...github, run_id: String(id), run_number: String(number), run_attempt: String(attempt) };
}

async function bodyOf({ db }: OperationContext, sha256: string): Promise<string> {
  const { body } = await db.selectFrom('spec').select('body').where('sha256', '=', sha256).executeTakeFirstOrThrow();
  return body;
}
