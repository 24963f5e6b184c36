import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/kernel/remove-tree.ts';

/** Root may write everywhere: the rule is about everybody else. */
const NOBODY = 65534;
const ROOT = process.geteuid?.() === 0;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paceline-remove-test-'));
  await chmod(root, 0o777);
  if (ROOT) process.seteuid?.(NOBODY);
});
afterEach(async () => {
  if (ROOT) process.seteuid?.(0);
  await rm(root, { recursive: true, force: true });
});

describe('removing a tree', () => {
  it('takes away read-only folders too, as a module cache of Go has them', async () => {
    const deep = join(root, 'tree', 'pkg', 'mod', 'cache');
    await mkdir(deep, { recursive: true });
    await writeFile(join(deep, 'file'), '');
    for (const folder of [deep, join(root, 'tree', 'pkg', 'mod'), join(root, 'tree', 'pkg')])
      await chmod(folder, 0o555);
    await removeTree(join(root, 'tree'));
    expect(await readdir(root)).toEqual([]);
  });

  it('leaves alone what links in it lead to', async () => {
    const kept = join(root, 'kept');
    await mkdir(join(root, 'tree', 'locked'), { recursive: true });
    await mkdir(kept);
    await writeFile(join(kept, 'file'), '');
    await chmod(kept, 0o555);
    await symlink(kept, join(root, 'tree', 'locked', 'link'));
    await chmod(join(root, 'tree', 'locked'), 0o555);
    await removeTree(join(root, 'tree'));
    expect(await readdir(root)).toEqual(['kept']);
    await expect(writeFile(join(kept, 'other'), '')).rejects.toThrow('EACCES');
  });

  it('of what is not there is no error', async () => {
    await expect(removeTree(join(root, 'none'))).resolves.toBeUndefined();
  });

  it('says what it may not remove', async () => {
    await mkdir(join(root, 'locked', 'tree'), { recursive: true });
    await chmod(join(root, 'locked'), 0o555);
    await expect(removeTree(join(root, 'locked', 'tree'))).rejects.toThrow(/^EACCES.*locked\/tree/);
    await chmod(join(root, 'locked'), 0o755);
  });
});
