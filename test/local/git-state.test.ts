import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readGitState } from '../../src/local/git-state.ts';
import { git, temporaryFolder } from './git-folder.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

function checkout(): void {
  git(folder, 'init', '--quiet', '--initial-branch', 'trunk');
  git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'first');
}

const state = (path = folder): NonNullable<ReturnType<typeof readGitState>> => readGitState(path, null)!;

describe('the state of a checkout', () => {
  it('is null outside of one', () => {
    expect(readGitState(folder, null)).toBeNull();
  });

  it('has branch and commit, from a folder below the root too', async () => {
    checkout();
    await mkdir(join(folder, 'a/b'), { recursive: true });
    const expected = { root: folder, sha: git(folder, 'rev-parse', 'HEAD'), ref: 'refs/heads/trunk' };
    expect(state()).toMatchObject(expected);
    expect(state(join(folder, 'a/b'))).toMatchObject(expected);
  });

  it('has no commit before the first', () => {
    git(folder, 'init', '--quiet', '--initial-branch', 'trunk');
    expect(state()).toMatchObject({ sha: null, ref: 'refs/heads/trunk' });
  });

  it('finds refs that git has packed', () => {
    checkout();
    git(folder, 'pack-refs', '--all');
    expect(state().sha).toBe(git(folder, 'rev-parse', 'HEAD'));
  });

  it.each(['loose', 'packed', 'packed and annotated'])('knows the tag of a detached HEAD (%s)', (how) => {
    checkout();
    git(folder, 'tag', 'other');
    git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'second');
    git(folder, 'tag', ...(how.includes('annotated') ? ['-a', '-m', 'x'] : []), 'release/v1');
    if (how.startsWith('packed')) git(folder, 'pack-refs', '--all');
    git(folder, 'checkout', '--quiet', '--detach');
    expect(state().ref).toBe('refs/tags/release/v1');
  });

  it('has no ref for any other detached HEAD', () => {
    checkout();
    git(folder, 'checkout', '--quiet', '--detach');
    expect(state()).toMatchObject({ ref: null, sha: git(folder, 'rev-parse', 'HEAD') });
  });

  it('reads a linked work tree', () => {
    checkout();
    git(folder, 'remote', 'add', 'origin', 'git@example.org:o/r.git');
    git(folder, 'branch', 'side');
    const tree = join(folder, 'tree');
    git(folder, 'worktree', 'add', '--quiet', tree, 'side');
    git(tree, 'commit', '--quiet', '--allow-empty', '-m', 'of the side');
    expect(state(tree)).toMatchObject({
      root: tree,
      ref: 'refs/heads/side',
      sha: git(tree, 'rev-parse', 'HEAD'),
      remoteUrl: 'git@example.org:o/r.git',
    });
  });

  it('takes the remote that the branch follows, else origin', () => {
    checkout();
    git(folder, 'remote', 'add', 'origin', 'https://example.org/o/fork.git');
    git(folder, 'remote', 'add', 'upstream', 'https://example.org/o/main.git');
    expect(state().remoteUrl).toBe('https://example.org/o/fork.git');
    git(folder, 'config', 'branch.trunk.remote', 'upstream');
    expect(state().remoteUrl).toBe('https://example.org/o/main.git');
  });

  it("reads settings, the repository's before the user's", async () => {
    checkout();
    await writeFile(
      join(folder, '.gitconfig'),
      '[user]\n\tname = Grace # of the user\n[github]\n  user = "gr\\"ace"\n',
    );
    const own = readGitState(folder, folder)!;
    expect([own.config.get('user.name'), own.config.get('github.user')]).toEqual(['Grace', 'gr"ace']);
    git(folder, 'config', 'user.name', 'Ada');
    expect(readGitState(folder, folder)!.config.get('user.name')).toBe('Ada');
  });
});
