import type { UnsealedMessage } from '../../protocol/agent-api.ts';
import type { StartJob } from '../../flow/flow-event.ts';
import type { FlowInput } from '../../flow/flow-input.ts';
import type { SecretsLayer } from '../../flow/resolve-secrets.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { OperationContext } from '../operation.ts';
import { Statement, times } from '../storage/statement.ts';
import { isFromFork } from './is-from-fork.ts';
import { maySeeToken } from './may-see-token.ts';
import { readRun, type RunRow } from './run-row.ts';
import { inputOf } from './run-state.ts';
import type { StoredCommand } from './start-jobs.ts';

/** All of a job but its secrets, and what they are made of. */
export interface ComposedMessage {
  readonly message: UnsealedMessage;
  /** Of the server and of the run's repository, which comes later and wins. */
  readonly secrets: readonly {
    readonly scope: string;
    readonly name: string;
    readonly version: number;
    readonly ciphertext: string;
  }[];
  /** How the job's come from those of the run: see `jobSecrets`. */
  readonly layers: readonly SecretsLayer[];
  readonly shared: { readonly github: JsonMap; readonly vars: JsonMap };
  /** Whether the secret GITHUB_TOKEN is shown to where the repository is cloned from. */
  readonly tokenClones: boolean;
}

/** What a worker is told of a job. `attempt`: which try it is, from 1. */
export async function composeMessage(
  context: OperationContext,
  jobId: number,
  attempt: number,
): Promise<ComposedMessage> {
  const [job] = await READ_JOB.execute(context, [jobId]);
  const run = job ? await readRun(context, job.run_id) : null;
  if (!job?.command || run === null) throw new RangeError(`job ${jobId} was never started`);
  const command = JSON.parse(job.command) as StoredCommand;
  const input = await inputOf(context, run);
  const { plan, env, defaults } = planOf(input, command);
  const { github, vars } = input.contexts;
  const { checkout, tokenClones } = await checkoutOf(context, run, input.cloneUrl);
  const message: UnsealedMessage = {
    runId: String(run.id),
    key: command.key,
    displayName: command.displayName,
    instance: command.instance,
    iteration: job.iteration,
    attempt: job.execution - 1 + attempt,
    job: plan,
    env,
    defaults,
    timeoutMinutes: command.timeoutMinutes,
    contexts: { ...command.contexts, github, vars },
    event: (github.event ?? {}) as JsonMap,
    checkout,
  };
  const scopes = ['', ...(checkout === null ? [] : [checkout.repository])];
  const secrets = isFromFork(github) ? [] : await readSecrets(context, scopes);
  return { message, secrets, layers: command.secrets, shared: { github, vars }, tokenClones };
}

function planOf({ workflows }: FlowInput, command: StoredCommand): Pick<StartJob, 'plan' | 'env' | 'defaults'> {
  const { workflow: index, id, plan: own, env, defaults } = command;
  const workflow = workflows[index];
  if (own && env && defaults) return { plan: own, env, defaults };
  // Ids of jobs have no dots: what is before the last one are the callers.
  const jobId = id.slice(id.lastIndexOf('.') + 1);
  const jobs = workflow && [...workflow.jobs, ...(workflow.flow?.finally ?? [])];
  const plan = jobs?.find((job) => job.id === jobId);
  if (!workflow || plan?.kind !== 'steps') throw new RangeError(`there is no job '${id}' in workflow ${index}`);
  return { plan, env: [workflow.env, plan.env], defaults: [workflow.defaults, plan.defaults] };
}

/** A repository that is registered is where it was registered, whatever the submission says. */
async function checkoutOf(
  context: OperationContext,
  run: RunRow,
  cloneUrl: string | null,
): Promise<{ readonly checkout: UnsealedMessage['checkout']; readonly tokenClones: boolean }> {
  const [row] = await READ_PLACE.execute(context, [run.id]);
  if (!row || row.sha === null) return { checkout: null, tokenClones: false };
  const { baseUrl } = context.settings;
  const url = row.clone_url ?? cloneUrl ?? `${baseUrl}/${row.name}`;
  const checkout = { repository: row.name, url, ref: row.ref ?? row.sha, sha: row.sha };
  return { checkout, tokenClones: maySeeToken(url, row.clone_url, baseUrl) };
}

const READ_JOB = new Statement((db, hole) =>
  db.selectFrom('job').select(['run_id', 'command', 'iteration', 'execution']).where('id', '=', hole()),
);
const READ_PLACE = new Statement((db, hole) =>
  db
    .selectFrom('run')
    .innerJoin('repo', 'repo.id', 'run.repo_id')
    .select(['repo.name', 'repo.clone_url', 'run.ref', 'run.sha'])
    .where('run.id', '=', hole()),
);

/** Those of the server first. */
function readSecrets(context: OperationContext, scopes: readonly string[]): Promise<ComposedMessage['secrets']> {
  return READ_SECRETS.execute(context, scopes, scopes.length);
}

const READ_SECRETS = new Statement((db, hole, rows) =>
  db
    .selectFrom('secret')
    .select(['scope', 'name', 'version', 'ciphertext'])
    .where('scope', 'in', times(rows, hole))
    .orderBy('scope')
    .orderBy('name'),
);
