import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { manifest, root } from './checkout.mjs';
import { sqlitePackage } from './platforms.mjs';
import { registryPackage } from './registry-package.mjs';

/**
 * The files of the command line for a platform: paths as in the package, to where they are now.
 * `codeCache`: with what V8 made of them here, which is of use to the same Node.js alone.
 */
export async function appFiles(platform, { codeCache }) {
  const files = new Map();
  for (const name of await buildFiles({ codeCache })) files.set(`dist/${name}`, join(root, 'dist', name));
  for (const folder of ['examples', 'schemas']) await addFolder(files, folder, join(root, folder));
  await addPackage(files, root, 'libsql', platform);
  return files;
}

/** Names of the files in dist/ that belong to the build of now: older ones stay a while, for runs under way. */
export async function buildFiles({ codeCache }) {
  const there = new Set(await readdir(join(root, 'dist')));
  const found = new Set(['package.json', 'paceline.1'].filter((name) => there.has(name)));
  const look = async (name) => {
    if (found.has(name) || !there.has(name)) return;
    found.add(name);
    const cache = name.replace(/\.js$/, '.cache');
    if (codeCache && there.has(cache)) found.add(cache);
    const text = await readFile(join(root, 'dist', name), 'utf8');
    for (const [reference] of text.matchAll(/[\w-]+-[0-9a-f]{12}\.js\b/g)) await look(reference);
  };
  await look('paceline.js');
  return [...found].sort();
}

/** A package that is not bundled, with what it needs; what it needs of machine code, for the platform. */
async function addPackage(files, from, name, platform) {
  const folder = await packageFolder(from, name);
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  await addFolder(files, folder.slice(root.length + 1), folder, (entry) => entry !== 'node_modules');
  const binary = sqlitePackage(platform);
  if (binary in optionalDependencies) {
    await addFolder(files, `node_modules/${binary}`, await binaryFolder(binary));
  }
  for (const dependency of Object.keys(dependencies))
    if (!(dependency in optionalDependencies)) await addPackage(files, folder, dependency, platform);
}

/** As Node.js looks for it, upwards from a folder. */
async function packageFolder(from, name) {
  for (let folder = from; folder.startsWith(root); folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    try {
      await readFile(join(candidate, 'package.json'));
      return candidate;
    } catch {
      // Further up.
    }
  }
  throw new Error(`${name} is not installed, which ${manifest.name} needs`);
}

/** npm has installed that of this machine; others are fetched, as the lock file has them. */
async function binaryFolder(name) {
  const installed = join(root, 'node_modules', name);
  if (existsSync(join(installed, 'package.json'))) return installed;
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const { version, integrity } = packages[`node_modules/${name}`];
  return registryPackage({ name, version, integrity });
}

async function addFolder(files, target, source, wanted = () => true) {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (!wanted(entry.name)) continue;
    const [to, from] = [`${target}/${entry.name}`, join(source, entry.name)];
    if (entry.isDirectory()) await addFolder(files, to, from, wanted);
    else if (entry.isFile()) files.set(to, from);
  }
}
