import type { Git } from './checkout-git.ts';
import type { CheckoutRequest } from './checkout-request.ts';
import type { RunRepository } from './checkout-run-repository.ts';
import { failed, STOPPED } from './handler-result.ts';
import type { HandlerResult } from './step-handler.ts';
import type { StepScope } from './step-scope.ts';

/** What is to be checked out; it has been fetched. */
export interface CheckoutTarget {
  readonly commit: string;
  /** The local branch that is made of it; null leaves the repository on no branch, as for a tag or a pull request. */
  readonly branch: string | null;
}

/** Fetches what a step asks for: without a `ref` the run's own commit, else whatever the ref is by now. */
export async function findTarget(
  git: Git,
  request: CheckoutRequest,
  repository: RunRepository,
  scope: StepScope,
): Promise<CheckoutTarget | HandlerResult> {
  const depth = await depthOptions(git, request);
  if (request.fetchDepth === 0) {
    const everything = ['--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*'];
    const ended = await git.tell('fetch', '--quiet', ...depth, ...everything);
    if (ended !== null) return ended;
  }
  const fetch = ['fetch', '--quiet', ...(request.fetchDepth === 0 ? [] : depth)];
  const { ref, sha } = repository;
  const isRuns = ['', ref, sha, shortName(ref)].includes(request.ref);
  if (isRuns && isCommit(sha)) return ofCommit(git, fetch, sha, ref, scope);
  const wanted = isRuns ? ref || 'HEAD' : request.ref;
  if (isCommit(wanted)) return ofCommit(git, fetch, wanted, '', scope);
  const full = wanted === 'HEAD' || wanted.startsWith('refs/') ? wanted : await fullName(git, wanted);
  if (scope.signal.aborted) return STOPPED;
  if (full === null)
    return failed(scope.log, 'start-failed', `There is no branch or tag '${wanted}' in the repository of this run.`);
  const ended = await git.tell(...fetch, '--end-of-options', 'origin', full);
  return ended ?? fetched(git, full, scope);
}

async function depthOptions(git: Git, { fetchDepth, fetchTags }: CheckoutRequest): Promise<readonly string[]> {
  if (fetchDepth > 0) return [`--depth=${fetchDepth}`, fetchTags ? '--tags' : '--no-tags'];
  return (await git.ask('rev-parse', '--is-shallow-repository')) === 'true' ? ['--unshallow'] : [];
}

/** Not every server gives a commit by its id: then all of the ref is asked for, which should have it. */
async function ofCommit(
  git: Git,
  fetch: readonly string[],
  commit: string,
  ref: string,
  scope: StepScope,
): Promise<CheckoutTarget | HandlerResult> {
  const isThere = async (): Promise<boolean> => (await git.ask('cat-file', '-e', `${commit}^{commit}`)) !== null;
  const direct = await git.ask(...fetch, '--end-of-options', 'origin', commit);
  if (direct === null || !(await isThere())) {
    if (scope.signal.aborted) return STOPPED;
    const whole = fetch.filter((option) => !option.startsWith('--depth'));
    const refs = ref === '' ? ['+refs/heads/*:refs/remotes/origin/*'] : [ref];
    const ended = await git.tell(...whole, '--end-of-options', 'origin', ...refs);
    if (ended !== null) return ended;
    if (!(await isThere())) {
      const where = ref === '' ? 'any branch of the repository of this run' : ref;
      return failed(scope.log, 'start-failed', `The commit ${commit} is not in ${where}. Has it been pushed?`);
    }
  }
  return remember(git, commit, ref);
}

async function fetched(git: Git, full: string, { log }: StepScope): Promise<CheckoutTarget | HandlerResult> {
  const commit = await git.ask('rev-parse', 'FETCH_HEAD^{commit}');
  if (commit === null) return failed(log, null, `git does not know which commit it fetched for ${full}.`);
  return remember(git, commit, full);
}

/** As the remote's branch too: for `git diff origin/main` and the like. */
async function remember(git: Git, commit: string, ref: string): Promise<CheckoutTarget> {
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1] ?? null;
  if (branch !== null) await git.ask('update-ref', `refs/remotes/origin/${branch}`, commit);
  return { commit, branch };
}

/** Branches come before tags, as on GitHub. */
async function fullName(git: Git, name: string): Promise<string | null> {
  const candidates = [`refs/heads/${name}`, `refs/tags/${name}`];
  const listed = await git.ask('ls-remote', '--quiet', 'origin', ...candidates);
  const names = (listed ?? '').split('\n').map((line) => line.split('\t')[1]);
  return candidates.find((candidate) => names.includes(candidate)) ?? null;
}

function shortName(ref: string): string {
  return ref.replace(/^refs\/(?:heads|tags|remotes)\//, '');
}

function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text) && !/^0+$/.test(text);
}
