import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileReplacement, folderReplacement } from '../../../src/server/storage/replacement.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paceline-replacement-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Files by their paths in `root`, each with its text. */
async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
async function read(): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      found[path.slice(root.length + 1)] = await readFile(path, 'utf8');
    }
  return found;
}

describe('a folder that takes the place of another', () => {
  const old = { 'logs/a': 'old a', 'logs/b': 'old b' };
  const put = async (): Promise<void> => {
    const folder = folderReplacement(join(root, 'logs'));
    await mkdir(await folder.prepare());
    await write({ 'logs/.restoring/b': 'new b', 'logs/.restoring/c': 'new c' });
    await folder.put();
  };

  it('is there when what it replaces is forgotten', async () => {
    await write(old);
    await put();
    await folderReplacement(join(root, 'logs')).forget();
    expect(await read()).toEqual({ 'logs/b': 'new b', 'logs/c': 'new c' });
  });

  it.each([
    ['before anything was moved', { ...old, 'logs/.restoring/b': 'new b' }],
    ['while the old was set aside', { 'logs/b': 'old b', 'logs/.leaving/a': 'old a', 'logs/.restoring/b': 'new b' }],
    [
      'while the new was put there',
      { 'logs/b': 'new b', 'logs/.restoring/c': 'c', 'logs/.replaced/a': 'old a', 'logs/.replaced/b': 'old b' },
    ],
    ['while the old was put back', { 'logs/a': 'old a', 'logs/.leaving/b': 'old b' }],
  ])('gives it back after an interruption %s', async (_when, files) => {
    await write(files);
    expect(await folderReplacement(join(root, 'logs')).isTaken()).toBe(true);
    await folderReplacement(join(root, 'logs')).putBack();
    expect(await read()).toEqual(old);
    expect((await readdir(join(root, 'logs'))).sort()).toEqual(['a', 'b']);
  });

  it('leaves what the file system keeps at the root of a disk', async () => {
    await write({ 'logs/lost+found/inode': 'rescued' });
    expect(await folderReplacement(join(root, 'logs')).isTaken()).toBe(false);
    await put();
    expect(await read()).toMatchObject({ 'logs/lost+found/inode': 'rescued', 'logs/c': 'new c' });
  });
});

describe('a file that takes the place of another', () => {
  const put = async (): Promise<void> => {
    const file = await fileReplacement(join(root, 'key'));
    await writeFile(await file.prepare(), 'new');
    await file.put();
  };

  it.each([[{ key: 'old' }], [{}]])('gives back %j when the next one is asked', async (files) => {
    await write(files);
    await put();
    expect((await read()).key).toBe('new');
    await (await fileReplacement(join(root, 'key'))).putBack();
    expect(await read()).toEqual(files);
  });

  it('is never missing from its place, and stays behind a link', async () => {
    await write({ 'safe/key': 'old' });
    await symlink(join(root, 'safe/key'), join(root, 'key'));
    await put();
    expect(await read()).toEqual({ 'safe/key': 'new', 'safe/key.replaced': 'old' });
    await (await fileReplacement(join(root, 'key'))).putBack();
    expect(await read()).toEqual({ 'safe/key': 'old' });
  });
});
