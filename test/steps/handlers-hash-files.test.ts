import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../src/kernel/clock.ts';
import { createHashFiles } from '../../src/steps/hash-files.ts';
import type { HashFiles } from '../../src/steps/step-frame.ts';
import { openJob, runPlan, writeFiles } from './handlers-harness.ts';

let root: string;
let workspace: string;
let hashFiles: HashFiles;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-hash-')));
  workspace = join(root, 'work [1]*');
  await mkdir(workspace);
  await writeFiles(root, { 'outside.txt': 'outside' });
  await writeFiles(workspace, {
    'a.lock': 'a',
    'b.lock': 'b',
    'sub/c.lock': 'c',
    'sub/d.txt': 'd',
    '.hidden.lock': 'h',
  });
  hashFiles = createHashFiles({ workspace, clock: systemClock });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** GitHub's: SHA-256 over the digests of the files. */
function hashOf(...contents: string[]): string {
  const total = createHash('sha256');
  for (const content of contents) total.update(createHash('sha256').update(content).digest());
  return total.digest('hex');
}

describe('hashFiles', () => {
  it('hashes what matches in the workspace, in the order of the globber', async () => {
    expect(await hashFiles(['a.lock'])).toBe(hashOf('a'));
    expect(await hashFiles(['./a.lock'])).toBe(hashOf('a'));
    expect(await hashFiles(['*.lock'])).toBe(hashOf('h', 'a', 'b'));
    expect(await hashFiles(['**/*.lock'])).toBe(hashOf('h', 'a', 'b', 'c'));
    expect(await hashFiles(['sub'])).toBe(hashOf('c', 'd'));
    expect(await hashFiles([join('/', 'nowhere', '*')])).toBe('');
  });

  it('takes several patterns, comments, and what is to be left out', async () => {
    expect(await hashFiles(['a.lock', 'b.lock'])).toBe(hashOf('a', 'b'));
    expect(await hashFiles(['**/*.lock', '!sub/**', '# a comment', '!.hidden.lock'])).toBe(hashOf('a', 'b'));
    expect(await hashFiles(['a.lock\nb.lock'])).toBe(hashOf('a', 'b'));
  });

  it('leaves out files outside of the workspace, and follows links only when asked to', async () => {
    await symlink(join(root, 'outside.txt'), join(workspace, 'link.txt'));
    await symlink(join(workspace, 'sub'), join(workspace, 'linked'));
    expect(await hashFiles([`${root}/*.txt`])).toBe('');
    expect(await hashFiles(['linked/*.lock'])).toBe('');
    expect(await hashFiles(['--follow-symbolic-links', 'linked/*.lock'])).toBe(hashOf('c'));
  });

  it('refuses an option it does not know and a pattern that leads out', async () => {
    await expect(hashFiles(['--verbose', '*'])).rejects.toThrow("the option '--verbose' is not known");
    await expect(hashFiles(['sub/../a.lock'])).rejects.toThrow('Relative pathing');
  });

  it('gives up after two minutes', async () => {
    let times = 0;
    const late = createHashFiles({ workspace, clock: { ...systemClock, monotonic: () => times++ * 121_000 } });
    await expect(late(['*.lock'])).rejects.toThrow('it took longer than 120 seconds');
  });

  it('prints nothing on stdout, and leaves stdout as it was', async () => {
    const printed = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
    try {
      await Promise.all([hashFiles(['**']), hashFiles(['*.lock'])]);
      expect(printed).not.toHaveBeenCalled();
      process.stdout.write('from somebody else');
      expect(printed).toHaveBeenCalledTimes(1);
    } finally {
      printed.mockRestore();
    }
  });

  it('works in the script of a step', async () => {
    const job = await openJob({ files: { 'a.lock': 'a' } });
    try {
      expect((await job.run(runPlan("echo ${{ hashFiles('*.lock') }}"))).printed).toEqual([hashOf('a')]);
    } finally {
      await job.dispose();
    }
  });
});
