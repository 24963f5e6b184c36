import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gitEnvironment, TOKEN_USER, withoutCredentials } from '../kernel/git-environment.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { persistCredentials } from './checkout-credentials.ts';
import { type Git, gitIn } from './checkout-git.ts';
import type { CheckoutRequest } from './checkout-request.ts';
import { findTarget, type CheckoutTarget } from './checkout-target.ts';
import { failed } from './handler-result.ts';
import type { HandlerResult } from './step-handler.ts';
import { type StepProcesses, unprepared } from './step-processes.ts';
import type { StepScope } from './step-scope.ts';

/** Where the run's own repository is, and what of it is the run's. */
export interface RunRepository {
  /** `owner/name` */
  readonly repository: string;
  /** Anything git takes; user and password in it are used, and kept out of the configuration of the clone. */
  readonly url: string;
  /** `refs/heads/main` */
  readonly ref: string;
  readonly sha: string;
  /** For the URL's host; null when none is needed. */
  readonly token: string | null;
}

export interface CheckoutPlace {
  readonly scope: StepScope;
  readonly workspace: string;
  /** `RUNNER_TEMP` of the job. */
  readonly tempDirectory: string;
  readonly processes: StepProcesses;
}

/** `https://host`; empty for what is neither `http` nor `https`. */
export function originOf(url: string): string {
  return /^https?:/i.test(url) ? new URL(url).origin : '';
}

/**
 * Brings the run's repository into `request.path` as actions/checkout does: a clone that is there already is cleaned and
 * brought to the commit, anything else that is in the folder is removed.
 */
export async function cloneRunRepository(
  request: CheckoutRequest,
  repository: RunRepository,
  { scope, workspace, tempDirectory, processes }: CheckoutPlace,
): Promise<HandlerResult | { readonly commit: string; readonly ref: string }> {
  const { log } = scope;
  const folder = join(workspace, request.path);
  const access = accessTo(repository, request.ownToken);
  const { url, token, user } = access;
  const environment = gitEnvironment(processes.environment.of(scope, {}, {}), originOf(url), token, user);
  const git = gitIn(folder, workspace, scope, environment);
  try {
    await mkdir(folder, { recursive: true });
    log.line(`Fetching ${url} into ${folder}`);
    if (request.ignored.length > 0) log.line(`Inputs that change nothing here: ${request.ignored.join(', ')}`);
    const begun = await begin(git, folder, url, request, scope);
    if (begun !== null) return begun;
    const target = await findTarget(git, request, repository, scope);
    if ('outcome' in target) return target;
    const ended = await all(git, commandsFor(request, target));
    if (ended !== null) return ended;
    await persistCredentials(git, access, request, tempDirectory);
    const commit = await git.ask('rev-parse', 'HEAD');
    if (commit === null) return failed(log, null, `git does not know which commit is in ${folder}.`);
    log.line(`The commit is ${commit}`);
    return { commit, ref: request.ref || repository.ref };
  } catch (error) {
    return unprepared(scope, error);
  }
}

/** How a repository is reached. */
export interface RepositoryAccess {
  /** Without user and password. */
  readonly url: string;
  readonly token: string | null;
  readonly user: string;
}

function accessTo({ url, token }: RunRepository, ownToken: string): RepositoryAccess {
  const plain = withoutCredentials(url);
  const given = ownToken || token;
  if (given || originOf(url) === '') return { url: originOf(url) === '' ? url : plain, token: given, user: TOKEN_USER };
  const { username, password } = new URL(url);
  return {
    url: plain,
    token: decodeURIComponent(password || username) || null,
    user: password === '' ? TOKEN_USER : decodeURIComponent(username),
  };
}

/** A repository with nothing in it that is in the way. Null when that is done. */
async function begin(
  git: Git,
  folder: string,
  url: string,
  { clean }: CheckoutRequest,
  { log }: StepScope,
): Promise<HandlerResult | null> {
  const entries = await readdir(folder);
  const known = entries.includes('.git') ? await git.ask('config', '--local', '--get', 'remote.origin.url') : null;
  if (known === url) {
    await removeLocks(folder);
    if (!clean || (await isCleaned(git))) {
      await removeBranches(git);
      return null;
    }
    log.line('The repository could not be cleaned or reset; it is made anew.');
  }
  if (entries.length > 0) log.line(`Deleting the contents of ${folder}`);
  for (const name of entries) await removeTree(join(folder, name));
  return all(git, [
    ['init', '--quiet', '--template='],
    ['remote', 'add', 'origin', url],
    // It would go on in the background while steps work, and be ended with the job.
    ['config', '--local', 'gc.auto', '0'],
  ]);
}

/** What a git that was killed left. */
async function removeLocks(folder: string): Promise<void> {
  for (const name of ['index.lock', 'shallow.lock', 'HEAD.lock', 'config.lock'])
    await rm(join(folder, '.git', name), { force: true });
}

async function isCleaned(git: Git): Promise<boolean> {
  if ((await git.ask('clean', '-ffdx')) === null) return false;
  return (await git.ask('reset', '--hard', '--quiet', 'HEAD')) !== null;
}

/** Ours and the remote's: a branch `a` of an earlier run would be in the way of `a/b`. */
async function removeBranches(git: Git): Promise<void> {
  await git.ask('checkout', '--quiet', '--detach');
  const remove = ['branch', '--quiet', '--delete', '--force'];
  for (const [folder, ...command] of [
    ['refs/heads', ...remove],
    ['refs/remotes', ...remove, '--remotes'],
  ] as const) {
    const listed = (await git.ask('for-each-ref', '--format=%(refname:lstrip=2)', folder)) ?? '';
    if (listed !== '') await git.ask(...command, ...listed.split('\n'));
  }
}

function commandsFor(
  { fetchDepth, submodules }: CheckoutRequest,
  target: CheckoutTarget,
): readonly (readonly string[])[] {
  const depth = fetchDepth === 0 ? [] : [`--depth=${fetchDepth}`];
  const recursive = submodules === 'recursive' ? ['--recursive'] : [];
  return [
    target.branch === null
      ? ['-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--force', '--detach', target.commit]
      : ['checkout', '--quiet', '--force', '-B', target.branch, target.commit],
    ...(submodules === 'none'
      ? []
      : [
          ['submodule', 'sync', '--quiet', ...recursive],
          ['submodule', 'update', '--init', '--force', ...depth, ...recursive],
        ]),
  ];
}

async function all(git: Git, commands: readonly (readonly string[])[]): Promise<HandlerResult | null> {
  for (const command of commands) {
    const ended = await git.tell(...command);
    if (ended !== null) return ended;
  }
  return null;
}
