import type { ApiResult } from '../../protocol/api-error.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { WorkflowPlan } from '../../protocol/plan.ts';
import type { SubmitRequest } from '../../protocol/run-api.ts';
import { githubContext, ZERO_SHA } from '../../workflow/github-context.ts';
import type { ReadCalledWorkflow } from '../../workflow/load-workflows.ts';
import { whyNotTriggered } from '../../workflow/match-trigger.ts';
import { parseWorkflow } from '../../workflow/parse-workflow.ts';
import { filesOfPayload, triggerFacts } from '../../workflow/trigger-facts.ts';
import { plain, type PlainDiagnostic, prepareRun, refused } from './prepare-submission.ts';
import type { RepositoryCommit } from './repository-reader.ts';
import type { NewRun } from './submit-run.ts';

/** A workflow of a repository that could be parsed. */
export interface RepositoryWorkflow {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly plan: WorkflowPlan;
}

export interface RepositoryWorkflows {
  readonly workflows: readonly RepositoryWorkflow[];
  /** Of files that cannot be parsed. */
  readonly diagnostics: readonly PlainDiagnostic[];
}

export async function readWorkflows(commit: RepositoryCommit): Promise<RepositoryWorkflows> {
  const workflows: RepositoryWorkflow[] = [];
  const diagnostics: PlainDiagnostic[] = [];
  for (const path of await commit.workflows()) {
    const bytes = await commit.read(path);
    if (bytes === null) continue;
    const { plan, diagnostics: found } = parseWorkflow(bytes, path);
    if (plan === null) diagnostics.push(...plain(found));
    else workflows.push({ path, bytes, plan });
  }
  return { workflows, diagnostics };
}

export interface TriggeredRuns {
  readonly runs: readonly NewRun[];
  /** Of workflows that are broken, which nothing is known of but that. */
  readonly diagnostics: readonly PlainDiagnostic[];
}

/** The workflows of a commit that the event starts, by their filters. None is an error that says why. */
export async function triggeredRuns(
  commit: RepositoryCommit,
  name: string,
  request: SubmitRequest,
  read: ReadCalledWorkflow,
): Promise<ApiResult<TriggeredRuns>> {
  const { workflows, diagnostics } = await readWorkflows(commit);
  const payload = request.payload as JsonMap;
  const looksAtFiles = workflows.some(({ plan }) => hasPaths(plan, request.event));
  const files = looksAtFiles ? await changedFiles(commit, request.event, payload) : null;
  const facts = triggerFacts(githubOf(commit, name, request), files);
  const runs: NewRun[] = [];
  const reasons: string[] = [];
  for (const { path, bytes, plan } of workflows) {
    const why = whyNotTriggered(plan.on, facts);
    if (why !== null) {
      reasons.push(`${path}: ${why}`);
      continue;
    }
    const run = await prepareRun({ path, bytes }, request, read);
    if (!run.ok) return run;
    runs.push(run.value);
  }
  if (runs.length > 0) return { ok: true, value: { runs, diagnostics } };
  const broken = diagnostics.length > 0 ? { diagnostics } : null;
  const none = reasons.length === 0 ? 'it has no workflow that can be read' : reasons.join('; ');
  return refused(`no workflow of ${name} at ${commit.ref} is started by '${request.event}': ${none}`, broken);
}

function hasPaths({ on }: WorkflowPlan, event: string): boolean {
  const trigger = Object.hasOwn(on, event) ? on[event] : undefined;
  return (trigger?.paths ?? trigger?.pathsIgnore ?? null) !== null;
}

/** Null where nobody knows: then filters by path hold nothing back. */
async function changedFiles(
  commit: RepositoryCommit,
  event: string,
  payload: JsonMap,
): Promise<readonly string[] | null> {
  const { before } = payload;
  if (event !== 'push') return null;
  const told = filesOfPayload(payload);
  if (told !== null || typeof before !== 'string' || before === ZERO_SHA) return told;
  return /^[0-9a-f]{40,64}$/.test(before) ? commit.changedSince(before) : null;
}

function githubOf({ ref, sha, defaultBranch }: RepositoryCommit, repository: string, request: SubmitRequest): JsonMap {
  const place = { repository, serverUrl: '', actor: '', sha, ref, defaultBranch };
  return githubContext({
    place,
    workflowPath: '',
    workflowName: null,
    eventName: request.event,
    payload: request.payload as JsonMap,
    inputs: {},
    runId: '',
    runNumber: '',
    runAttempt: '',
  }).github;
}
