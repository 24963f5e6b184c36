import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readGitState } from '../../src/local/git-state.ts';
import { type WorkspaceCopy, WorkspaceCopier } from '../../src/local/workspace-copy.ts';
import { git, GIT_ENVIRONMENT, temporaryFolder } from './git-folder.ts';

let root: string;
let workspace: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
  workspace = join(root, 'workspace');
  await mkdir(workspace);
});
afterEach(() => remove());

async function copied(from = workspace, name = 'copy'): Promise<WorkspaceCopy> {
  const copier = new WorkspaceCopier(from, readGitState(from, null), GIT_ENVIRONMENT);
  const result = await copier.copy(join(root, 'copies', name));
  if (result.kind === 'problem') throw new Error(result.message);
  return result;
}

async function checkout(): Promise<void> {
  git(workspace, 'init', '--quiet');
  await writeFile(join(workspace, '.gitignore'), 'ignored\n');
  for (const name of ['kept', 'changed', 'staged', 'deleted']) await writeFile(join(workspace, name), 'committed');
  await mkdir(join(workspace, 'sub'));
  await writeFile(join(workspace, 'sub/inner'), 'committed');
  git(workspace, 'add', '.');
  git(workspace, 'commit', '--quiet', '-m', 'first');
}

describe('a copy of a checkout', () => {
  it('is made when a file was touched and is the same as before', async () => {
    await checkout();
    await utimes(join(workspace, 'kept'), new Date(), new Date('2001-01-01'));
    const copy = await copied();
    expect(await readFile(join(copy.directory, 'kept'), 'utf8')).toBe('committed');
    expect(git(copy.directory, 'status', '--porcelain')).toBe('');
    await copy.remove();
  });

  it('has the uncommitted and the untracked, not what is ignored', async () => {
    await checkout();
    await writeFile(join(workspace, 'changed'), 'by hand');
    await writeFile(join(workspace, 'staged'), 'staged');
    git(workspace, 'add', 'staged');
    await rm(join(workspace, 'deleted'));
    await mkdir(join(workspace, 'new folder'));
    await writeFile(join(workspace, 'new folder/ünïcode'), 'untracked');
    await symlink('kept', join(workspace, 'link'));
    await writeFile(join(workspace, 'ignored'), 'not wanted');
    const status = git(workspace, 'status', '--porcelain');

    const copy = await copied();
    const read = (name: string): Promise<string> => readFile(join(copy.directory, name), 'utf8');
    expect((await readdir(copy.directory)).sort()).toEqual(
      ['.git', '.gitignore', 'changed', 'kept', 'link', 'new folder', 'staged', 'sub'].sort(),
    );
    expect([await read('changed'), await read('staged'), await read('kept')]).toEqual([
      'by hand',
      'staged',
      'committed',
    ]);
    expect(await read('new folder/ünïcode')).toBe('untracked');
    expect(await readlink(join(copy.directory, 'link'))).toBe('kept');
    expect(git(copy.directory, 'rev-parse', 'HEAD')).toBe(git(workspace, 'rev-parse', 'HEAD'));

    await writeFile(join(copy.directory, 'kept'), 'changed in the copy');
    await copy.remove();
    expect(await readdir(join(root, 'copies'))).toEqual([]);
    expect(git(workspace, 'worktree', 'list').split('\n')).toHaveLength(1);
    expect(git(workspace, 'stash', 'list')).toBe('');
    expect(git(workspace, 'status', '--porcelain')).toBe(status);
    expect(await readFile(join(workspace, 'kept'), 'utf8')).toBe('committed');
  });

  it('runs no hook of the repository', async () => {
    await checkout();
    const hook = join(workspace, '.git/hooks/post-checkout');
    await writeFile(hook, `#!/bin/sh\ntouch ${root}/hook-ran\n`);
    await chmod(hook, 0o755);
    await (await copied()).remove();
    expect(await readdir(root)).not.toContain('hook-ran');
  });

  it('leads to the same folder below the root', async () => {
    await checkout();
    const copy = await copied(join(workspace, 'sub'));
    expect(await readdir(copy.directory)).toEqual(['inner']);
    await copy.remove();
  });

  it('is made for several jobs at once without one locking out the other', async () => {
    await checkout();
    const copier = new WorkspaceCopier(workspace, readGitState(workspace, null), GIT_ENVIRONMENT);
    const copies = await Promise.all([1, 2, 3, 4].map((n) => copier.copy(join(root, 'copies', String(n)))));
    expect(copies.map(({ kind }) => kind)).toEqual(['copied', 'copied', 'copied', 'copied']);
    for (const copy of copies) if (copy.kind === 'copied') await copy.remove();
    expect(git(workspace, 'worktree', 'list').split('\n')).toHaveLength(1);
  });

  it('that cannot be made is a sentence', async () => {
    await checkout();
    const copier = new WorkspaceCopier(workspace, readGitState(workspace, null), GIT_ENVIRONMENT);
    await mkdir(join(root, 'copies/taken/full'), { recursive: true });
    expect(await copier.copy(join(root, 'copies/taken'))).toEqual({
      kind: 'problem',
      message: expect.stringMatching(/^A copy of the workspace for this job cannot be made: .*already exists.*\.$/),
    });
  });
});

describe('a copy of a plain folder', () => {
  it('has everything, links as links and modes kept', async () => {
    await mkdir(join(workspace, 'a'));
    await writeFile(join(workspace, 'a/script'), '#!/bin/sh', { mode: 0o755 });
    await symlink('/nonexistent', join(workspace, 'dangling'));
    const { directory } = await copied();
    expect(await readlink(join(directory, 'dangling'))).toBe('/nonexistent');
    expect((await lstat(join(directory, 'a/script'))).mode & 0o777).toBe(0o755);
  });

  it('is what a checkout without a commit gets', async () => {
    git(workspace, 'init', '--quiet');
    await writeFile(join(workspace, 'file'), 'x');
    const { directory } = await copied();
    expect((await readdir(directory)).sort()).toEqual(['.git', 'file']);
  });
});
