/** Upgrades of a real runner of a real server, and what a power cut leaves of them. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FAILPOINTS } from '../../src/kernel/failpoint.ts';
import { UpgradeBench } from './upgrade-bench.ts';

const OTHER = '0.9.1';
/** In which an upgrade that succeeds comes by. */
const ON_THE_WAY = FAILPOINTS.filter((name) => name.startsWith('upgrade-') && !name.endsWith('-return'));
const ON_THE_WAY_BACK = ['upgrade-before-return', 'upgrade-after-return'] as const;
const MINUTE_MS = 60_000;

let bench: UpgradeBench;
/** Packages of the version that is installed first, of another, and of one whose agent ends at once. */
let first: string;
let other: string;
let broken: string;
beforeAll(async () => {
  bench = await UpgradeBench.open();
  first = await bench.pack(bench.version);
  other = await bench.pack(OTHER, { change: (folder) => signUnit(folder, OTHER) });
  broken = await bench.pack('0.9.2', {
    change: async (folder) => {
      await signUnit(folder, '0.9.2');
      await writeFile(join(folder, 'runsvc.sh'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    },
  });
}, 2 * MINUTE_MS);
afterAll(() => bench.close(), MINUTE_MS);

/** Another unit than that of the version that is installed first. */
function signUnit(folder: string, version: string): Promise<void> {
  return appendFile(join(folder, 'paceline-runner.service'), `# of ${version}\n`);
}

async function expectAt(version: string): Promise<void> {
  expect(await bench.current()).toBe(version);
  expect(/^# of .*/m.exec(await bench.unit())?.[0]).toBe(version === OTHER ? `# of ${OTHER}` : undefined);
  expect(existsSync(join(bench.folder, '.upgrade'))).toBe(false);
  expect((await bench.agent())?.command).toContain(`/versions/${version}/`);
}

async function packageOfTheOther(): Promise<{ tarball: string; version: string; from: string }> {
  const from = await bench.current();
  return from === OTHER ? { tarball: first, version: bench.version, from } : { tarball: other, version: OTHER, from };
}

describe('an upgrade', () => {
  it(
    'ends the agent, puts the new version in its place, and waits until its agent is connected',
    async () => {
      const before = await bench.agent();
      const { code, output } = await bench.upgrade(other);
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('its agent is connected') });
      await expectAt(OTHER);
      expect((await bench.agent())?.pid).not.toBe(before?.pid);
      expect(await bench.versions()).toEqual([bench.version, OTHER].sort());
    },
    MINUTE_MS,
  );

  it('to the version that is in use changes nothing', async () => {
    const before = await bench.agent();
    expect(await bench.upgrade(other)).toMatchObject({ code: 0, output: `Version ${OTHER} is in use already.\n` });
    expect(await bench.agent()).toEqual(before);
  });

  it(
    'whose agent does not come up ends at the old version, by exit code 1',
    async () => {
      const from = await bench.current();
      const { code, output } = await bench.upgrade(broken);
      expect({ code, output }).toMatchObject({
        code: 1,
        output: expect.stringMatching(/again: 0\.9\.2 did not come up/),
      });
      await expectAt(from);
    },
    MINUTE_MS,
  );

  it(
    'with --now waits for no job: it goes on, and the new agent brings its result',
    async () => {
      const { tarball, version } = await packageOfTheOther();
      const gate = join(bench.plane.directory, 'gate');
      const id = await bench.plane.submit(
        `on: push\njobs:\n  job:\n    runs-on: self-hosted\n    steps:\n      - run: mkfifo '${gate}' && echo begun && read -r _ < '${gate}'\n`,
      );
      await bench.plane.seen('the job has begun', () => bench.plane.show(id).then(() => existsSync(gate)));
      expect(await bench.upgrade(tarball, ['--now'])).toMatchObject({ code: 0 });
      await expectAt(version);
      await writeFile(gate, 'go\n');
      expect(await bench.plane.completed(id)).toMatchObject({ conclusion: 'success' });
    },
    MINUTE_MS,
  );
});

describe('a power cut', () => {
  it.each(ON_THE_WAY)(
    'at %s leaves a runner that starts, and an upgrade that the same command completes',
    async (failpoint) => {
      const { tarball, version } = await packageOfTheOther();
      const cut = await bench.upgrade(tarball, [], { PACELINE_FAILPOINT: failpoint });
      expect(cut).toMatchObject({ signal: 'SIGKILL' });
      expect(await bench.versions()).toContain(await bench.current());
      expect(await bench.upgrade(tarball)).toMatchObject({ code: 0 });
      await expectAt(version);
      expect(await bench.versions()).toEqual([bench.version, OTHER].sort());
    },
    MINUTE_MS,
  );

  it.each(ON_THE_WAY_BACK)(
    'at %s of one that did not come up leaves the old version, which the same command brings up',
    async (failpoint) => {
      const from = await bench.current();
      expect(await bench.upgrade(broken, [], { PACELINE_FAILPOINT: failpoint })).toMatchObject({ signal: 'SIGKILL' });
      expect(await bench.upgrade(broken)).toMatchObject({ code: 1 });
      await expectAt(from);
    },
    MINUTE_MS,
  );

  it(
    'after the agent was ended has to be completed before another upgrade',
    async () => {
      const { tarball } = await packageOfTheOther();
      await bench.upgrade(tarball, [], { PACELINE_FAILPOINT: 'upgrade-after-stop' });
      expect(await bench.upgrade(broken)).toMatchObject({ code: 2, output: expect.stringContaining(tarball) });
      expect(await bench.upgrade(tarball)).toMatchObject({ code: 0 });
    },
    MINUTE_MS,
  );
});

describe('a package', () => {
  async function refusal(source: string, args: readonly string[] = []): Promise<string> {
    const before = [await bench.current(), await bench.agent()];
    const { code, output } = await bench.upgrade(source, args);
    expect({ code, output }).toEqual({
      code: expect.any(Number),
      output: expect.stringMatching(/^paceline: [^\n]*\.\n$/),
    });
    expect(code).toBe(2);
    expect([await bench.current(), await bench.agent()]).toEqual(before);
    expect(existsSync(join(bench.folder, '.upgrade'))).toBe(false);
    return output;
  }

  it('that is not there, or no package, is refused', async () => {
    expect(await refusal('/nowhere.tar.gz')).toContain('/nowhere.tar.gz');
    const text = join(bench.packages, 'text.tar.gz');
    await writeFile(text, 'text');
    expect(await refusal(text)).toContain('is no package of Paceline');
  });

  it(
    'for another platform, or whose files are not those of its list, is refused',
    async () => {
      expect(await refusal(await bench.pack('0.9.3', { platform: 'plan9-vax' }))).toContain('it is for plan9-vax');
      const changed = await bench.pack('0.9.4', {
        changeAfterListing: (folder) => writeFile(join(folder, 'runsvc.sh'), 'changed'),
      });
      expect(await refusal(changed)).toContain("'runsvc.sh' is not what its list says");
      const more = await bench.pack('0.9.5', { changeAfterListing: (folder) => writeFile(join(folder, 'more'), '') });
      expect(await refusal(more)).toContain("'more', which is not on its list");
    },
    MINUTE_MS,
  );

  it('with a link in it is refused before anything is unpacked', async () => {
    const linked = await bench.pack('0.9.6', {
      changeAfterListing: (folder) => symlink('/etc/passwd', join(folder, 'linked')),
    });
    expect(await refusal(linked)).toContain('a link or device in it');
    expect(await bench.versions()).not.toContain('0.9.6');
  });

  it(
    'that is not what its checksum says is refused, by option or by the list beside it',
    async () => {
      const { tarball } = await packageOfTheOther();
      expect(await refusal(tarball, ['--sha256', '0'.repeat(64)])).toContain('is not what was promised');
      const apart = await bench.pack('0.9.7', { name: 'listed.tar.gz' });
      await writeFile(join(bench.packages, 'SHA256SUMS'), `${'1'.repeat(64)}  listed.tar.gz\n`);
      expect(await refusal(apart)).toContain('is not what was promised');
      expect(await refusal(tarball)).toContain('has no checksum of');
      await writeFile(join(bench.packages, 'SHA256SUMS'), '');
    },
    MINUTE_MS,
  );

  it(
    'of the network needs a checksum of its own where TLS does not protect it',
    async () => {
      const { tarball, version } = await packageOfTheOther();
      const bytes = await readFile(tarball);
      const server = createServer((request, response) => {
        if (request.url === '/moved.tar.gz') response.writeHead(302, { location: '/package.tar.gz' }).end();
        else response.end(bytes);
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/moved.tar.gz`;
        expect(await refusal(url)).toContain('give its checksum by --sha256');
        const sum = createHash('sha256').update(bytes).digest('hex');
        expect(await bench.upgrade(url, ['--sha256', sum])).toMatchObject({ code: 0 });
        await expectAt(version);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    },
    MINUTE_MS,
  );
});
