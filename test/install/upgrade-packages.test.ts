/** What a package may have in it, by packages of a few files. Upgrades with whole ones: upgrade.test.ts. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { once } from 'node:events';
import { mkdir, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunnerFolder, runnerFolder } from '../../src/install/runner-folder.ts';
import { toolRunner } from '../../src/install/run-tool.ts';
import { upgradeRunner } from '../../src/install/upgrade.ts';
import { fetchPackage } from '../../src/install/upgrade-source.ts';
import { checkPackage, unpackVersion } from '../../src/install/upgrade-unpack.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { DIRECT } from '../support/direct-network.ts';

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

  it.each([
    ['that is not there', () => Promise.resolve('/nowhere/x.tar.gz'), 'There is no file /nowhere/x.tar.gz.'],
    ['that is a folder', () => Promise.resolve('/tmp'), /^\/tmp is a folder: /],
  ])('%s is called what it is', async (_what, source, why) => {
    const path = { source: await source(), sha256: null, network: DIRECT };
    await expect(fetchPackage(path, join(folder.root, 'download'))).rejects.toThrow(why);
  });

  it('that was cut off is refused without the words of other programs', async () => {
    const tarball = await pack('1.0.0');
    await truncate(tarball, 100);
    await expect(unpack(tarball)).rejects.toThrow(`${tarball} is no package of Paceline, or a part of it is missing.`);
  });

  it.each(['file:///etc/passwd', 'http://[', 'gopher://somewhere/'])(
    'is not looked for where a server sends it: %s',
    async (location) => {
      const server = createServer((_request, response) => {
        response.writeHead(302, { location }).end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const source = { source: `${url}/p.tar.gz`, sha256: '0'.repeat(64), network: DIRECT };
        await expect(fetchPackage(source, join(folder.root, 'download'))).rejects.toMatchObject({
          name: 'InstallProblem',
          message: `${url}/p.tar.gz leads to what is no address of http or https.`,
        });
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  );

  describe('of a version that a worker still runs', () => {
    let worker: ChildProcess;
    beforeEach(async () => {
      await unpack(await pack('1.0.0'));
      worker = spawn(process.execPath, ['-e', 'process.stdin.resume()', join(folder.versions, '1.0.0', 'app')]);
      await once(worker, 'spawn');
    });
    afterEach(async () => {
      const exited = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exited;
    });

    it('leaves its files where they are when they are those of the package', async () => {
      const { ino } = await stat(join(folder.versions, '1.0.0', 'file'));
      await expect(unpack(await pack('1.0.0'))).resolves.toBe('1.0.0');
      expect((await stat(join(folder.versions, '1.0.0', 'file'))).ino).toBe(ino);
    });

    it('is refused when they are not', async () => {
      await writeFile(join(folder.versions, '1.0.0', 'file'), 'changed');
      await expect(unpack(await pack('1.0.0'))).rejects.toThrow('A job still runs by version 1.0.0');
      expect(await readdir(folder.versions)).toEqual(['1.0.0']);
    });
  });

  it('of the version that is in use is looked at as every other', async () => {
    await checkPackage({ folder, tarball: await pack('1.0.0'), platform: PLATFORM, runTool: toolRunner(process.env) });
    await unpack(await pack('1.0.0'));
    const changed = await pack('1.0.0', { text: 'changed' });
    await symlink('versions/1.0.0', folder.bin);
    await mkdir(folder.state);
    const same = upgradeRunner({
      ...{ folder, source: changed, sha256: null, network: DIRECT, service: null, jobs: 'drain', platform: PLATFORM },
      ...{ runTool: toolRunner(process.env), clock: systemClock, tell: () => undefined, failpoint: () => undefined },
    });
    await expect(same).rejects.toThrow("'file' is not what its list says");
    expect(await readdir(folder.versions)).toEqual(['1.0.0']);
  });

  it('is for every account to run, whatever the mask of who unpacks it', async () => {
    const tarball = await pack('1.0.0');
    const mask = process.umask(0o077);
    try {
      await unpack(tarball);
    } finally {
      process.umask(mask);
    }
    expect((await stat(join(folder.versions, '1.0.0'))).mode & 0o777).toBe(0o755);
  });

  it('of an ordinary name is unpacked', async () => {
    await expect(unpack(await pack('1.0.0'))).resolves.toBe('1.0.0');
    expect(existsSync(join(folder.versions, '1.0.0', 'file'))).toBe(true);
  });
});
