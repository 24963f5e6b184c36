/** What lies in an installed runner, and how it is started from wherever. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, readlink, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runnerFolder, type VersionManifest } from '../../src/install/runner-folder.ts';
import { runProgram, RunnerTree } from './runner-tree.ts';

const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const LAYOUT = fileURLToPath(new URL('../../scripts/layout', import.meta.url));
const SCRIPTS = ['config.sh', 'env.sh', 'run.sh', 'svc.sh'];
const EXECUTABLE = 0o755;
const PLAIN = 0o644;

let tree: RunnerTree;
let root: string;
let current: string;
beforeAll(async () => {
  tree = await RunnerTree.open();
  root = tree.original;
  current = join(root, 'versions', version);
}, 120_000);
afterAll(() => tree.close());

describe('the folder of a runner', () => {
  it("has the scripts of GitHub's runner, one version, and a relative link to it", async () => {
    expect((await readdir(root)).sort()).toEqual(['LICENSE', 'README.md', 'bin', ...SCRIPTS, 'versions'].sort());
    expect(await readlink(join(root, 'bin'))).toBe(`versions/${version}`);
    expect((await readdir(current)).sort()).toEqual(
      [
        'THIRD-PARTY-LICENSES',
        'app',
        'manifest.json',
        'node',
        'paceline',
        'paceline-runner.plist',
        'paceline-runner.service',
        'runsvc.sh',
      ].sort(),
    );
    const app = (await filesBelow(join(current, 'app'))).map((path) => relative(join(current, 'app'), path));
    expect(app).toEqual(
      expect.arrayContaining([
        'dist/paceline.js',
        'dist/package.json',
        'examples/side-by-side.yml',
        'schemas/runner.config.schema.json',
        'node_modules/libsql/index.js',
      ]),
    );
    expect(
      app.filter((path) => !/^(?:dist|examples|schemas|node_modules\/(?:libsql|@libsql|@neon-rs))\//.test(path)),
    ).toEqual([]);
    // Of each bundle the one of this build.
    const bundles = app.map((path) => /^dist\/(.+)-[0-9a-f]{12}\.js$/.exec(path)?.[1]).filter(Boolean);
    expect(new Set(bundles).size).toBe(bundles.length);
  });

  it('lets everybody read and run what is there, and its owner alone change it', async () => {
    const modes = await Promise.all(
      (await filesBelow(root)).map(async (path) => [relative(root, path), (await stat(path)).mode & 0o777] as const),
    );
    const runs = (path: string): boolean => /\.sh$|\/paceline$|bin\/node$/.test(path);
    const isOfApp = (path: string, mode: number): boolean => path.includes('/app/') && mode === EXECUTABLE;
    expect(modes.filter(([path, mode]) => !isOfApp(path, mode) && mode !== (runs(path) ? EXECUTABLE : PLAIN))).toEqual(
      [],
    );
  });

  it('tells of its version what it is, with the sum of each file', async () => {
    const folder = runnerFolder(root);
    const manifest = JSON.parse(await readFile(folder.manifest, 'utf8')) as VersionManifest & {
      files: Record<string, string>;
    };
    expect(manifest).toMatchObject({
      schema: 1,
      version,
      platform: `${process.platform}-${process.arch}`,
      node: process.version.slice(1),
    });
    const names = (await filesBelow(current)).map((path) => relative(current, path));
    expect(Object.keys(manifest.files).sort()).toEqual(names.filter((name) => name !== 'manifest.json').sort());
    for (const name of ['paceline', 'runsvc.sh', 'app/dist/paceline.js']) {
      const sum = createHash('sha256')
        .update(await readFile(join(current, name)))
        .digest('hex');
      expect(manifest.files[name]).toBe(sum);
    }
  });

  it('has what V8 compiled for the Node.js that comes along, whichever built it, in the same bytes each time', async () => {
    const node = join(tree.directory, 'another node');
    const says = `#!/bin/sh\n[ "$1" != --version ] || exec echo v99.0.0\nexec '${process.execPath}' "$@"\n`;
    await writeFile(node, says, { mode: EXECUTABLE });
    const manifests = ['one', 'two'].map(async (name) => {
      const out = join(tree.directory, name);
      expect(await runProgram(LAYOUT, ['--node', node, out], { HOME: tree.directory })).toMatchObject({ code: 0 });
      return readFile(runnerFolder(out).manifest, 'utf8');
    });
    const [one, two] = [await manifests[0]!, await manifests[1]!];
    expect(one).toMatch(/"app\/dist\/core-[0-9a-f]{12}\.cache"/);
    expect(one).toBe(two);
  }, 60_000);

  it('is not laid out over something else', async () => {
    const { code, stderr } = await runProgram(LAYOUT, ['--no-node', root]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: `scripts/layout: The folder ${root} is not empty.\n` });
  });
});

describe('its scripts', () => {
  const shells = ['sh', 'bash'];
  const all = [...SCRIPTS, 'bin/paceline', 'bin/runsvc.sh'];

  it.each(shells.flatMap((shell) => all.map((script) => [shell, script])))('%s can read %s', async (shell, script) => {
    const { code, stderr } = await runProgram(shell, ['-n', join(root, script)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('work from another folder, through links, and with spaces in the path', async () => {
    const link = join(tree.directory, 'a link to paceline');
    await symlink(join('the runner', 'bin', 'paceline'), link);
    await symlink('a link to paceline', join(tree.directory, 'link'));
    for (const command of [join(root, 'bin/paceline'), link, join(tree.directory, 'link')])
      expect(await runProgram(command, ['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    const script = join(tree.directory, 'config link');
    await symlink(join(root, 'config.sh'), script);
    expect(await runProgram(script, ['--help'])).toMatchObject({ code: 0, stderr: '' });
    const relatively = await runProgram('./the runner/run.sh', [], {}, { directory: tree.directory });
    expect(relatively).toMatchObject({ code: 2, stdout: '' });
    expect(relatively.stderr).toContain(`No runner is registered in ${join(root, '_state')}.`);
  });

  it('pass on arguments as they are, and exit codes', async () => {
    const { code, stderr } = await runProgram(join(root, 'run.sh'), ['--labels', 'with space', '--no-such']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "paceline: unknown option '--no-such'\n" });
    expect(await runProgram(join(root, 'svc.sh'), [])).toMatchObject({ code: 2 });
    expect((await runProgram(join(root, 'svc.sh'), [])).stderr).toContain('Usage: paceline service');
  });

  it('say what is missing where there is no Node.js', async () => {
    const folder = tree.copy();
    await rename(join(folder, 'bin/node'), join(folder, 'bin/no-node'));
    const tools = join(tree.directory, 'tools');
    await mkdir(tools);
    for (const tool of ['sh', 'dirname', 'readlink', 'cat'])
      await symlink((await runProgram('sh', ['-c', `command -v ${tool}`])).stdout.trim(), join(tools, tool));
    const bare = await runProgram(join(folder, 'run.sh'), [], { PATH: tools });
    expect(bare).toMatchObject({ code: 2, stdout: '' });
    expect(bare.stderr).toMatch(/^paceline: there is no Node\.js: install version 20\.19 or newer/);
    // The service takes the PATH that was kept, so that it finds the one of a version manager.
    await writeFile(join(tools, 'node'), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    await chmod(join(tools, 'node'), EXECUTABLE);
    await writeFile(join(folder, '.path'), `${tools}\n`);
    const served = await runProgram(join(folder, 'bin/runsvc.sh'), [], { PATH: '/usr/bin:/bin' });
    // Not through `bin`: a worker that is started later must be of the same version, whatever `bin` is by then.
    const real = join(folder, 'versions', version);
    expect(served.stdout.split('\n')).toEqual([`${real}/app/dist/paceline.js`, 'agent', 'run', '--folder', folder, '']);
  });
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
