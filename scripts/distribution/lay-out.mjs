import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { appFiles } from './app-files.mjs';
import { hashOf, root, version } from './checkout.mjs';
import { LICENCES_FILE, licencesText } from './licences.mjs';
import { thisPlatform } from './platforms.mjs';
import { codeCacheFor } from './code-cache.mjs';
import { Problem } from './problem.mjs';
import { registryPackage } from './registry-package.mjs';

const run = promisify(execFile);

/**
 * Makes the folder of a runner.
 *
 * @param options.out is not there yet, or empty.
 * @param options.node `{kind: 'none'}`, `{kind: 'pinned'}`, or `{kind: 'file', path}`.
 */
export async function layOut({ out, platform, node }) {
  const folder = resolve(out);
  // Whoever runs the service reads it, whoever unpacks it.
  process.umask(0o022);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) throw new Problem(`The folder ${folder} is not empty.`);
  const nodeFiles = await nodeFilesOf(platform, node);
  const files = new Map();
  for (const name of await readdir(join(root, 'layouts/root'))) files.set(name, join(root, 'layouts/root', name));
  files.set('LICENSE', join(root, 'LICENSE'));

  const versioned = new Map();
  for (const name of await readdir(join(root, 'layouts/bin'))) versioned.set(name, join(root, 'layouts/bin', name));
  const isOfHere = platform === thisPlatform();
  const codeCache = isOfHere && nodeFiles.version === process.version.slice(1);
  const app = await appFiles(platform, { codeCache });
  for (const [name, from] of app) versioned.set(`app/${name}`, from);
  // The build has that of the Node.js that built it, which is another one.
  if (isOfHere && !codeCache && nodeFiles.version !== null) {
    const node = { path: nodeFiles.files.get('bin/node'), version: nodeFiles.version };
    for (const [name, from] of await codeCacheFor(app, node)) versioned.set(`app/${name}`, from);
  }
  for (const [name, from] of nodeFiles.files) versioned.set(`node/${name}`, from);

  const versionFolder = join(folder, 'versions', version);
  await copy(files, folder);
  await copy(versioned, versionFolder);
  await writeFile(join(versionFolder, LICENCES_FILE), await licencesText());
  await writeFile(
    join(versionFolder, 'manifest.json'),
    await manifestText(versionFolder, [...versioned.keys(), LICENCES_FILE], platform, nodeFiles.version),
  );
  await symlink(join('versions', version), join(folder, 'bin'));
}

/** `version` is null where none comes along. */
async function nodeFilesOf(platform, node) {
  if (node.kind === 'none') return { version: null, files: new Map() };
  if (node.kind === 'file') return givenNode(node.path);
  const builds = JSON.parse(await readFile(new URL('node-builds.json', import.meta.url), 'utf8'));
  const { package: name, version, integrity } = builds[platform];
  const source = await registryPackage({ name, version, integrity });
  return { version, files: new Map(['bin/node', 'LICENSE'].map((file) => [file, join(source, file)])) };
}

async function givenNode(path) {
  const { stdout } = await run(path, ['--version']).catch((error) => {
    throw new Problem(`${path} is no Node.js that runs here: ${error.message}`);
  });
  const files = new Map([['bin/node', path]]);
  // Where the archives of nodejs.org have it.
  const licence = join(dirname(path), '../LICENSE');
  if (await stat(licence).catch(() => null)) files.set('LICENSE', licence);
  return { version: stdout.trim().slice(1), files };
}

async function copy(files, target) {
  for (const [name, from] of files) {
    const to = join(target, name);
    await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    await copyFile(from, to);
    await chmod(to, (await stat(from)).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** A `VersionManifest` of src/install, with the SHA-256 of each other file of the version. */
async function manifestText(folder, names, platform, node) {
  const files = {};
  for (const name of names.sort()) files[name] = await hashOf(join(folder, name));
  return `${JSON.stringify({ schema: 1, version, platform, node, files }, null, 2)}\n`;
}
