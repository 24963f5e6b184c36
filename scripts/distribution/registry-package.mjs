import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './checkout.mjs';
import { Problem } from './problem.mjs';

const run = promisify(execFile);
/** Named by what it holds, so it never is out of date. */
export const CACHE = join(root, 'node_modules/.cache/paceline-distribution');

/**
 * The contents of a package of the npm registry, for whatever platform: a folder that the caller only reads.
 * `integrity` is `sha512-BASE64`, and what comes is what it says.
 */
export async function registryPackage({ name, version, integrity }) {
  const folder = join(CACHE, createHash('sha256').update(integrity).digest('hex').slice(0, 16));
  try {
    await readFile(join(folder, 'package.json'));
    return folder;
  } catch {
    // Not fetched yet.
  }
  await mkdir(CACHE, { recursive: true });
  const staging = await mkdtemp(join(CACHE, '.fetch-'));
  try {
    const tarball = join(staging, await fetchTarball(`${name}@${version}`, staging));
    const found = `sha512-${createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64')}`;
    if (found !== integrity) throw new Problem(`${name}@${version} is not what it was: ${found}, not ${integrity}.`);
    await run('tar', ['-xzf', tarball, '-C', staging]);
    // Somebody else may have been faster.
    await rename(join(staging, 'package'), folder).catch(() => undefined);
    return folder;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function fetchTarball(what, folder) {
  try {
    const { stdout } = await run('npm', ['pack', what, '--json', '--pack-destination', folder], { cwd: folder });
    return JSON.parse(stdout)[0].filename;
  } catch (error) {
    throw new Problem(`${what} cannot be had from the npm registry: ${String(error.stderr || error.message).trim()}`);
  }
}
