import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Packages are found from here. */
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** A folder for what {@link bundle} makes; whoever asks for it removes it. */
export async function bundleFolder(): Promise<string> {
  await mkdir(MODULES, { recursive: true });
  return mkdtemp(join(MODULES, '.paceline-test-'));
}

/**
 * Makes a file that plain Node.js runs of a TypeScript file that stands beside the test, for processes and threads of a
 * test's own.
 * @returns its path, in the folder.
 */
export async function bundle(source: URL, folder: string): Promise<string> {
  const name = source.pathname.split('/').at(-1)?.replace(/\.ts$/, '.mjs') ?? '';
  const outfile = join(folder, name);
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
  });
  return outfile;
}
