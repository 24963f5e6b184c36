import { execFile } from 'node:child_process';
import { readGitState } from '../../local/git-state.ts';
import { repositoryOf } from '../../local/repository-of.ts';

/** What a submission from a checkout takes along, so that `actions/checkout` gets the same commit. */
export interface RepositoryHere {
  readonly root: string;
  /** `owner/name` */
  readonly repository: string;
  readonly cloneUrl: string;
  readonly ref: string | null;
  readonly sha: string;
  /** No remote-tracking branch has the commit: a runner will hardly find it. */
  readonly isUnpushed: boolean;
  /** Files differ from the commit. */
  readonly hasChanges: boolean;
}

const GIT_TIMEOUT_MS = 5_000;

/** Null outside of a checkout, before the first commit, and where no remote says what the repository is. */
export async function repositoryHere(folder: string, home: string | null): Promise<RepositoryHere | null> {
  const git = readGitState(folder, home);
  if (git === null || git.sha === null || git.remoteUrl === null) return null;
  const named = repositoryOf(git.remoteUrl);
  if (named === null) return null;
  const { root, sha, ref } = git;
  const [branches, changes] = await Promise.all([
    gitSays(root, ['branch', '--remotes', '--contains', sha, '--format=%(refname)']),
    gitSays(root, ['status', '--porcelain', '--untracked-files=no']),
  ]);
  return {
    ...{ root, ref, sha },
    repository: named.fullName,
    cloneUrl: withoutCredentials(git.remoteUrl),
    isUnpushed: branches !== null && branches.trim() === '',
    hasChanges: changes !== null && changes.trim() !== '',
  };
}

/** Null when git is not there, or does not answer. */
function gitSays(directory: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile('git', ['-C', directory, ...args], { timeout: GIT_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? stdout : null);
    });
  });
}

/** A password in the address of a remote stays where it is. */
function withoutCredentials(remoteUrl: string): string {
  if (!URL.canParse(remoteUrl)) return remoteUrl;
  const url = new URL(remoteUrl);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return remoteUrl;
  url.username = '';
  url.password = '';
  return url.href;
}
