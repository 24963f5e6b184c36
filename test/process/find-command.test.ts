import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findCommand } from '../../src/process/find-command.ts';

describe('findCommand', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'paceline-find-')));
    await mkdir(join(folder, 'bin/folder'), { recursive: true });
    await writeFile(join(folder, 'bin/tool'), '');
    await chmod(join(folder, 'bin/tool'), 0o755);
    await writeFile(join(folder, 'bin/text'), '');
    await chmod(join(folder, 'bin/text'), 0o644);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('takes the first match in PATH', async () => {
    expect(await findCommand('tool', `/no/such/folder:${folder}/bin`, '/')).toBe(join(folder, 'bin/tool'));
  });

  it('reads a relative entry of PATH, and a name with a slash, from the working directory', async () => {
    expect(await findCommand('tool', 'bin', folder)).toBe(join(folder, 'bin/tool'));
    expect(await findCommand('./bin/tool', '', folder)).toBe(join(folder, 'bin/tool'));
  });

  it.each(['text', 'folder', 'missing'])('does not take %s, which cannot be executed', async (name) => {
    expect(await findCommand(name, join(folder, 'bin'), '/')).toBeNull();
  });
});
