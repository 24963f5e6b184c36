import { gitEnvironment } from '../kernel/git-environment.ts';

/** What git calls the empty tree: the first commit changed everything. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/**
 * Files that a run here is about, for the `paths` filters: for a push what the last commit and the work since then
 * changed; for a pull request everything since it left its base. Null without git.
 */
export async function changedFiles(
  root: string,
  baseRef: string,
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[] | null> {
  const { execa } = await import('execa');
  const git = async (...args: readonly string[]): Promise<string | null> => {
    const result = await execa('git', ['-C', root, ...args], {
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
      extendEnv: false,
      env: { ...gitEnvironment(environment, '', null), GIT_OPTIONAL_LOCKS: '0' },
    });
    return result.failed ? null : result.stdout;
  };
  const base = baseRef === '' ? await git('rev-parse', '--verify', '--quiet', 'HEAD~1') : await mergeBase(git, baseRef);
  const changed = await git('diff', '--name-only', '-z', base?.trim() ?? EMPTY_TREE);
  const untracked = await git('ls-files', '--others', '--exclude-standard', '-z');
  if (changed === null || untracked === null) return null;
  return [...new Set(`${changed}${untracked}`.split('\0').filter(Boolean))];
}

async function mergeBase(
  git: (...args: readonly string[]) => Promise<string | null>,
  baseRef: string,
): Promise<string | null> {
  return (await git('merge-base', `origin/${baseRef}`, 'HEAD')) ?? git('merge-base', baseRef, 'HEAD');
}
