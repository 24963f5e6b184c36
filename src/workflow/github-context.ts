import type { Json, JsonMap } from '../protocol/job-message.ts';

export const GITHUB_SERVER = 'https://github.com';
export const ZERO_SHA = '0'.repeat(40);

/** Where and for whom a run is. */
export interface RunPlace {
  /** `owner/name`. */
  readonly repository: string;
  /** Without a slash at the end. */
  readonly serverUrl: string;
  readonly actor: string;
  readonly sha: string;
  /** Full: `refs/heads/main`. */
  readonly ref: string;
  readonly defaultBranch: string;
}

export interface GithubContextOptions {
  readonly place: RunPlace;
  /** In the repository, and its name if it has one. */
  readonly workflowPath: string;
  readonly workflowName: string | null;
  readonly eventName: string;
  /** Laid over what is made up here; null without. */
  readonly payload: JsonMap | null;
  /** Of a `workflow_dispatch`, typed. */
  readonly inputs: JsonMap;
  readonly runId: string;
  readonly runNumber: string;
  readonly runAttempt: string;
}

export interface GithubContext {
  /** Without what differs from job to job, and without a token. `event` is in it. */
  readonly github: JsonMap;
  readonly event: JsonMap;
}

/** The `github` context of a run, with as much of the event's payload as can be made up where it does not say itself. */
export function githubContext(options: GithubContextOptions): GithubContext {
  const { place, eventName, payload, workflowPath: file } = options;
  const event: JsonMap = { ...madeUpEvent(options), ...payload };
  const { repository, serverUrl } = place;
  const [owner = ''] = repository.split('/');
  const { ref, sha, baseRef, headRef } = triggerOf(eventName, event, place);
  return {
    event,
    github: {
      actor: place.actor,
      actor_id: '',
      api_url: apiUrlOf(serverUrl),
      base_ref: baseRef,
      event,
      event_name: eventName,
      graphql_url: serverUrl === GITHUB_SERVER ? 'https://api.github.com/graphql' : `${serverUrl}/api/graphql`,
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
      run_attempt: options.runAttempt,
      run_id: options.runId,
      run_number: options.runNumber,
      secret_source: 'Actions',
      server_url: serverUrl,
      sha,
      triggering_actor: place.actor,
      workflow: options.workflowName ?? file,
      workflow_ref: `${repository}/${file}@${ref}`,
      workflow_sha: sha,
    },
  };
}

function madeUpEvent({ place, eventName, inputs }: GithubContextOptions): JsonMap {
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
  switch (eventName) {
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
      return { ...common, ref: place.ref, inputs: textInputs(inputs) };
    case 'workflow_call':
      return { ...common, inputs: textInputs(inputs) };
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
  place: RunPlace,
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
  return serverUrl === GITHUB_SERVER ? 'https://api.github.com' : `${serverUrl}/api/v3`;
}
