import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeCodeCache } from '../build/write-code-cache.mjs';
import { CACHE } from './registry-package.mjs';

/**
 * What the V8 of a Node.js makes of the build's files: paths as in the package, to where they are now. Kept, since V8
 * makes other bytes each time: the same build and Node.js give the same package.
 *
 * @param files those of the command line, as `appFiles` has them without a code cache.
 * @param node `{path, version}`, of this platform.
 */
export async function codeCacheFor(files, node) {
  const build = [...files].filter(([name]) => name.startsWith('dist/'));
  // The files are named after their contents.
  const key = createHash('sha256').update(JSON.stringify([node.version, build.map(([name]) => name)]));
  const folder = join(CACHE, `code-${key.digest('hex').slice(0, 16)}`);
  const made = await readdir(folder).catch(() => makeIn(folder, build, node));
  return made.map((name) => [`dist/${name}`, join(folder, name)]);
}

async function makeIn(folder, build, node) {
  await mkdir(CACHE, { recursive: true });
  const staging = await mkdtemp(join(CACHE, '.code-'));
  try {
    for (const [name, from] of build) await copyFile(from, join(staging, basename(name)));
    await writeCodeCache(staging, 'paceline.js', node.path);
    for (const name of await readdir(staging)) if (!name.endsWith('.cache')) await rm(join(staging, name));
    // Somebody else may have been faster.
    await rename(staging, folder).catch(() => undefined);
    return await readdir(folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
