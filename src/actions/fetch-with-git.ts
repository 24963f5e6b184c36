import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionSource, Fetched, FetchRequest } from './fetch-action.ts';
import { gitEnvironment, withoutCredentials } from '../kernel/git-environment.ts';

/** For one call of git; GitHub's limit for one download. */
const GIT_TIMEOUT_MS = 20 * 60 * 1000;

/** Fetches one commit, without history, from `BASE/OWNER/NAME`. A ref is a branch, a tag or a whole commit id. */
export async function fetchWithGit(
  source: ActionSource,
  { reference, into, known }: FetchRequest,
  signal: AbortSignal,
): Promise<Fetched> {
  const base = source.baseUrl.replace(/^git\+/, '').replace(/\/+$/, '');
  const url = `${base}/${reference.owner}/${reference.name}`;
  const directory = join(into, 'repository');
  try {
    const git = await gitIn(gitEnvironment(source.environment, base, source.token), signal);
    await git('init', '--quiet', '--template=', directory);
    await git('-C', directory, 'fetch', '--quiet', '--depth=1', '--no-tags', '--end-of-options', url, reference.ref);
    const commit = await git('-C', directory, 'rev-parse', 'FETCH_HEAD');
    if (commit === known) return { kind: 'unchanged' };
    await git('-C', directory, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', commit);
    await rm(join(directory, '.git'), { recursive: true, force: true });
    return { kind: 'fetched', directory, version: commit };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GitFailure)) throw error;
    const from = withoutCredentials(url);
    return { kind: 'problem', message: `git could not fetch ${reference.ref} from ${from}: ${error.message}` };
  }
}

class GitFailure extends Error {}

/** Loaded here, because most runs fetch nothing. */
async function gitIn(
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<(...args: string[]) => Promise<string>> {
  const { execa } = await import('execa');
  return async (...args) => {
    const result = await execa('git', args, {
      env,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: GIT_TIMEOUT_MS,
      cancelSignal: signal,
    });
    if (!result.failed) return result.stdout.trim();
    if (result.timedOut) throw new GitFailure('it took too long');
    throw new GitFailure(reasonIn(result.stderr) ?? result.originalMessage ?? 'it gave no reason');
  };
}

/** Git's reason comes last, behind hints and warnings. */
function reasonIn(stderr: string): string | undefined {
  const lines = withoutCredentials(stderr)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.findLast((line) => line.startsWith('fatal:')) ?? lines.at(-1);
}
