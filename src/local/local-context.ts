import { basename, isAbsolute, relative } from 'node:path';
import type { Json, JsonMap } from '../protocol/job-message.ts';
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

export interface LocalContext {
  /** The `github` context, without what differs from job to job. `event` is in it. */
  readonly github: JsonMap;
  readonly event: JsonMap;
}

const ZERO_SHA = '0'.repeat(40);
const DEFAULT_BRANCH = 'main';

/** What GitHub would say of this run, from the checkout around the workspace, with sensible values where there is none. */
export function localContext(options: LocalContextOptions): LocalContext {
  const { eventName, payload } = options;
  const place = placeOf(options);
  const event: JsonMap = { ...madeUpEvent(options, place), ...payload };
  const { repository, serverUrl } = place;
  const [owner = ''] = repository.split('/');
  const { ref, sha, baseRef, headRef } = triggerOf(eventName, event, place);
  const file = pathInRepository(options);
  return {
    event,
    github: {
      actor: place.actor,
      actor_id: '',
      api_url: apiUrlOf(serverUrl),
      base_ref: baseRef,
      event,
      event_name: eventName,
      graphql_url: serverUrl === DEFAULT_SERVER ? 'https://api.github.com/graphql' : `${serverUrl}/api/graphql`,
      head_ref: headRef,
      ref,
      ref_name: ref.replace(/^refs\/(?:heads|tags|pull)\//, ''),
      ref_protected: false,
      ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
      repository,
      repository_id: '',
      repository_owner: owner,
      repository_owner_id: '',
      repository_visibility: 'private',
      repositoryUrl: `${serverUrl.replace(/^https?/, 'git')}/${repository}.git`,
      retention_days: '90',
      run_attempt: '1',
      run_id: options.runId,
      run_number: '1',
      secret_source: 'Actions',
      server_url: serverUrl,
      sha,
      token: options.token,
      triggering_actor: place.actor,
      workflow: options.workflowName ?? file,
      workflow_ref: `${repository}/${file}@${ref}`,
      workflow_sha: sha,
      workspace: options.workspace,
    },
  };
}

/** A file from elsewhere is taken for one of the workflows of the repository. */
function pathInRepository({ git, workspace, workflowFile }: LocalContextOptions): string {
  const path = relative(git?.root ?? workspace, workflowFile).replaceAll('\\', '/');
  return path.startsWith('../') || isAbsolute(path) ? `.github/workflows/${basename(workflowFile)}` : path;
}

interface Place {
  readonly repository: string;
  readonly serverUrl: string;
  readonly actor: string;
  readonly sha: string;
  readonly ref: string;
  readonly defaultBranch: string;
}

function placeOf({ git, workspace, userName }: LocalContextOptions): Place {
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

function madeUpEvent(options: LocalContextOptions, place: Place): JsonMap {
  const [owner = '', name = ''] = place.repository.split('/');
  const common: JsonMap = {
    repository: {
      name,
      full_name: place.repository,
      owner: { login: owner, name: owner },
      default_branch: place.defaultBranch,
      html_url: `${place.serverUrl}/${place.repository}`,
      clone_url: `${place.serverUrl}/${place.repository}.git`,
    },
    sender: { login: place.actor },
  };
  const branch = place.ref.replace(/^refs\/(?:heads|tags)\//, '');
  switch (options.eventName) {
    case 'push':
      return {
        ...common,
        ref: place.ref,
        before: ZERO_SHA,
        after: place.sha,
        created: false,
        deleted: false,
        forced: false,
        head_commit: { id: place.sha, author: { name: place.actor } },
        commits: [],
        pusher: { name: place.actor },
      };
    case 'pull_request':
    case 'pull_request_target':
      return {
        ...common,
        action: 'synchronize',
        number: 1,
        pull_request: {
          number: 1,
          draft: false,
          head: { ref: branch, sha: place.sha, repo: { full_name: place.repository } },
          base: { ref: place.defaultBranch, repo: { full_name: place.repository } },
        },
      };
    case 'workflow_dispatch':
      return { ...common, ref: place.ref, inputs: textInputs(options.inputs) };
    case 'workflow_call':
      return { ...common, inputs: textInputs(options.inputs) };
    default:
      return common;
  }
}

/** The payload carries inputs as texts; the `inputs` context keeps their types. */
function textInputs(inputs: JsonMap): JsonMap {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** A payload of the user's own (`--event-path`) says what was pushed or asked to be pulled. */
function triggerOf(
  eventName: string,
  event: JsonMap,
  place: Place,
): { ref: string; sha: string; baseRef: string; headRef: string } {
  const none = { ref: place.ref, sha: place.sha, baseRef: '', headRef: '' };
  if (eventName.startsWith('pull_request')) {
    const baseRef = text(event, 'pull_request', 'base', 'ref') ?? place.defaultBranch;
    const headRef = text(event, 'pull_request', 'head', 'ref') ?? '';
    const number = event.number;
    if (eventName === 'pull_request_target') return { ...none, ref: `refs/heads/${baseRef}`, baseRef, headRef };
    const ref = typeof number === 'number' ? `refs/pull/${number}/merge` : place.ref;
    return { ref, sha: place.sha, baseRef, headRef };
  }
  if (eventName === 'push')
    return { ...none, ref: text(event, 'ref') ?? place.ref, sha: text(event, 'after') ?? place.sha };
  return none;
}

function text(value: Json, ...path: readonly string[]): string | null {
  let current: Json | undefined = value;
  for (const key of path) {
    if (current === null || typeof current !== 'object' || Array.isArray(current)) return null;
    current = (current as JsonMap)[key];
  }
  return typeof current === 'string' && current !== '' ? current : null;
}

function apiUrlOf(serverUrl: string): string {
  return serverUrl === DEFAULT_SERVER ? 'https://api.github.com' : `${serverUrl}/api/v3`;
}
