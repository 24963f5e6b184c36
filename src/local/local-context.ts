import { basename, isAbsolute, relative } from 'node:path';
import type { JsonMap } from '../protocol/job-message.ts';
import { type GithubContext, githubContext, type RunPlace, ZERO_SHA } from '../workflow/github-context.ts';
import type { GitState } from './git-state.ts';
import { DEFAULT_SERVER, type Repository, repositoryOf } from './repository-of.ts';

export interface LocalContextOptions {
  readonly git: GitState | null;
  readonly workspace: string;
  /** Absolute path of the workflow file, and its name if it has one. */
  readonly workflowFile: string;
  readonly workflowName: string | null;
  readonly eventName: string;
  /** What `--event-path` holds, laid over what is made up here; null without. */
  readonly payload: JsonMap | null;
  /** Of a `workflow_dispatch`, typed. */
  readonly inputs: JsonMap;
  readonly runId: string;
  /** `--secret GITHUB_TOKEN`, or empty. */
  readonly token: string;
  /** The account on this machine, where git knows no name. */
  readonly userName: string;
}

/** The `github` context, without what differs from job to job. `event` is in it. */
export type LocalContext = GithubContext;

const DEFAULT_BRANCH = 'main';

/** What GitHub would say of this run, from the checkout around the workspace, with sensible values where there is none. */
export function localContext(options: LocalContextOptions): LocalContext {
  const { event, github } = githubContext({
    place: placeOf(options),
    workflowPath: pathInRepository(options),
    workflowName: options.workflowName,
    eventName: options.eventName,
    payload: options.payload,
    inputs: options.inputs,
    runId: options.runId,
    runNumber: '1',
    runAttempt: '1',
  });
  return { event, github: { ...github, token: options.token, workspace: options.workspace } };
}

/** A file from elsewhere is taken for one of the workflows of the repository. */
function pathInRepository({ git, workspace, workflowFile }: LocalContextOptions): string {
  const path = relative(git?.root ?? workspace, workflowFile).replaceAll('\\', '/');
  return path.startsWith('../') || isAbsolute(path) ? `.github/workflows/${basename(workflowFile)}` : path;
}

function placeOf({ git, workspace, userName }: LocalContextOptions): RunPlace {
  const remote: Repository | null = git?.remoteUrl ? repositoryOf(git.remoteUrl) : null;
  const folder = basename(git?.root ?? workspace).replace(/[^\w.-]+/g, '-') || 'workspace';
  const defaultBranch = git?.defaultBranch ?? DEFAULT_BRANCH;
  return {
    repository: remote?.fullName ?? `local/${folder}`,
    serverUrl: remote?.serverUrl ?? DEFAULT_SERVER,
    actor: git?.config.get('github.user') ?? git?.config.get('user.name') ?? userName,
    sha: git?.sha ?? ZERO_SHA,
    ref: git ? (git.ref ?? 'refs/heads/HEAD') : `refs/heads/${DEFAULT_BRANCH}`,
    defaultBranch,
  };
}
