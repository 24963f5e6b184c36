/** What a user gets from the registry. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { publint } from 'publint';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the package', () => {
  it('is one that its consumers can resolve', async () => {
    const { messages } = await publint({ pkgDir: root, pack: 'npm' });
    expect(messages).toEqual([]);
    // It parses every file.
  }, 120_000);

  it('runs a workflow, here and on a server and an agent, after npm install in an empty folder', async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'paceline-package-')));
    try {
      const options: { encoding: 'utf8'; stdio: ['ignore', 'pipe', 'pipe'] } = {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      };
      const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
        ...options,
        cwd: root,
      });
      const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
      const paths = files.map(({ path }) => path);
      expect(paths).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/paceline.js']));
      expect(paths.filter((path) => /^(src|test|scripts)\//.test(path))).toEqual([]);

      execFileSync('npm', ['install', '--no-audit', '--no-fund', join(folder, filename)], { ...options, cwd: folder });
      await writeFile(
        join(folder, 'w.yml'),
        'on: push\njobs: { a: { runs-on: x, steps: [ { run: echo from the package } ] } }',
      );
      const output = execFileSync(join(folder, 'node_modules/.bin/paceline'), ['run', 'w.yml'], {
        ...options,
        cwd: folder,
      });
      expect(output).toContain('from the package');
      // SQLite is a part in machine code, which npm has to find for this machine.
      const command = join(folder, 'node_modules/.bin/paceline');
      const up = execFileSync(command, ['up', '--once'], { ...options, cwd: folder });
      expect(up).toMatch(/Side by side: success/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);
});
