/** What a package may have in it, by packages of a few files. Upgrades with whole ones: upgrade.test.ts. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunnerFolder, runnerFolder } from '../../src/install/runner-folder.ts';
import { toolRunner } from '../../src/install/run-tool.ts';
import { unpackVersion } from '../../src/install/upgrade-unpack.ts';

const run = promisify(execFile);
const PLATFORM = 'linux-x64';

let folder: RunnerFolder;
beforeEach(async () => {
  folder = runnerFolder(mkdtempSync(join(tmpdir(), 'paceline-package-')));
  await mkdir(folder.versions);
});
afterEach(() => rm(folder.root, { recursive: true }));

/** A package of one file beside its manifest. */
async function pack(version: string, { top = `paceline-runner-${version}`, text = 'text' } = {}): Promise<string> {
  const place = join(folder.root, 'to-pack');
  await rm(place, { recursive: true, force: true });
  const inside = join(place, top, 'versions', version);
  await mkdir(inside, { recursive: true });
  await writeFile(join(inside, 'file'), text);
  const files = { file: createHash('sha256').update('text').digest('hex') };
  await writeFile(
    join(inside, 'manifest.json'),
    JSON.stringify({ schema: 1, version, platform: PLATFORM, node: null, files }),
  );
  const tarball = join(folder.root, `${version}.tar.gz`);
  await run('tar', ['-czf', tarball, '-C', place, '--', top]);
  return tarball;
}

function unpack(tarball: string): Promise<string> {
  return unpackVersion({ folder, tarball, platform: PLATFORM, runTool: toolRunner(process.env) });
}

describe('a package', () => {
  it('whose folder is called as an option of tar is refused, and runs nothing', async () => {
    // The name of a folder has no slash: where to write, the command takes from its environment.
    const tarball = await pack('9.9.9', { top: '--to-command=touch "$SIGN" #' });
    const sign = join(folder.root, 'ran');
    const runTool = toolRunner({ ...process.env, SIGN: sign });
    const refused = unpackVersion({ folder, tarball, platform: PLATFORM, runTool });
    await expect(refused).rejects.toMatchObject({ name: 'InstallProblem' });
    expect(existsSync(sign)).toBe(false);
  });

  it('of an ordinary name is unpacked', async () => {
    await expect(unpack(await pack('1.0.0'))).resolves.toBe('1.0.0');
    expect(existsSync(join(folder.versions, '1.0.0', 'file'))).toBe(true);
  });
});
