/** What is handed out: tarballs, the npm package, their sums. Of this platform; the others differ in what is fetched. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProgram } from './runner-tree.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const name = `paceline-runner-${version}-${process.platform}-${process.arch}`;

let folder: string;
beforeAll(async () => (folder = await realpath(await mkdtemp(join(tmpdir(), 'paceline-packages-')))));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('scripts/package', () => {
  it('makes a tarball with one folder in it, the npm package, and the sums of both', async () => {
    const out = join(folder, 'out');
    const made = await runProgram(join(scripts, 'package'), ['--no-node', '--out', out], { HOME: folder });
    expect(made.code).toBe(0);
    expect((await readdir(out)).sort()).toEqual(['SHA256SUMS', `${name}.tar.gz`, `paceline-${version}.tgz`].sort());
    const sums = (await readFile(join(out, 'SHA256SUMS'), 'utf8')).trimEnd().split('\n');
    expect(sums).toHaveLength(2);
    for (const line of sums) {
      const [sum, file = ''] = line.split('  ');
      expect(
        createHash('sha256')
          .update(await readFile(join(out, file)))
          .digest('hex'),
      ).toBe(sum);
    }

    const listed = namesIn(join(out, `${name}.tar.gz`));
    expect(listed.filter((path) => !path.startsWith(`${name}/`))).toEqual([]);
    expect(listed).toEqual([...listed].sort());
    execFileSync('tar', ['-xzf', join(out, `${name}.tar.gz`), '-C', folder]);
    const ended = await runProgram(join(folder, name, 'bin/paceline'), ['--version']);
    expect(ended).toMatchObject({ code: 0, stdout: `${version}\n` });

    const packed = namesIn(join(out, `paceline-${version}.tgz`));
    expect(packed.map((path) => path.split('/')[1]).filter((top, at, all) => all.indexOf(top) === at)).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'THIRD-PARTY-LICENSES',
        'dist',
        'examples',
        'schemas',
      ]),
    );
    // Of a build of its own, not what earlier ones left.
    const bundles = packed.map((path) => /dist\/(.+)-[0-9a-f]{12}\.js$/.exec(path)?.[1]).filter(Boolean);
    expect(new Set(bundles).size).toBe(bundles.length);
  }, 120_000);

  it('makes the same bytes of the same contents', async () => {
    const packed: Buffer[] = [];
    for (const [turn, seconds] of [10, 2_000_000].entries()) {
      const source = join(folder, `source ${turn}`, 'runner');
      await mkdir(source, { recursive: true });
      for (const file of turn === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a']) {
        await writeFile(join(source, file), file);
        await chmod(join(source, file), turn === 0 ? 0o600 : 0o664);
        await utimes(join(source, file), seconds, seconds);
      }
      await symlink('a', join(source, 'link'));
      const tarball = join(folder, `${turn}.tar.gz`);
      const code = `import { packTarball } from ${JSON.stringify(join(scripts, 'distribution/tarball.mjs'))};
        await packTarball(...process.argv.slice(1));`;
      execFileSync(process.execPath, ['--input-type=module', '-e', code, source, tarball]);
      packed.push(await readFile(tarball));
    }
    expect(packed[0]!.equals(packed[1]!)).toBe(true);
  });

  it('refuses what it cannot make', async () => {
    const ended = await runProgram(join(scripts, 'package'), ['--platform', 'linux-x64,plan9-x64', '--out', folder]);
    expect(ended).toMatchObject({
      code: 2,
      stderr:
        "scripts/package: There is no platform 'plan9-x64'; there are linux-x64, linux-arm64, darwin-x64, darwin-arm64.\n",
    });
  });
});

describe('the pinned builds of Node.js', () => {
  it('are there for each platform, of a release that is kept up, with the sum that what is fetched must have', async () => {
    const text = await readFile(join(scripts, 'distribution/node-builds.json'), 'utf8');
    const builds = JSON.parse(text) as Record<string, { version: string; integrity: string }>;
    expect(Object.keys(builds)).toEqual(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);
    for (const build of Object.values(builds)) {
      expect(build.integrity).toMatch(/^sha512-[\w+/]{86}==$/);
      expect(Number.parseInt(build.version, 10)).toBeGreaterThanOrEqual(22);
    }
  });
});

function namesIn(tarball: string): string[] {
  return execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trimEnd().split('\n');
}
