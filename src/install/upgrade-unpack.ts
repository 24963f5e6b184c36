import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lchown, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { removeTree } from '../kernel/remove-tree.ts';
import { InstallProblem } from './install-problem.ts';
import { isVersionInUse } from './version-in-use.ts';
import type { RunnerFolder, VersionManifest } from './runner-folder.ts';
import type { RunTool } from './run-tool.ts';
import { syncFolder } from '../kernel/write-durably.ts';

/** Of a version: its manifest, with the SHA-256 of each other file of its folder. */
type PackedManifest = VersionManifest & { readonly files: Readonly<Record<string, string>> };

const MANIFEST = 'manifest.json';
/** The folder that everything in a package lies in: it becomes an argument of tar, and nothing that tar takes for an option. */
const TOP = /^[0-9A-Za-z][\w.+-]*$/;
const VERSION = /^[^/]+\/versions\/([0-9A-Za-z][0-9A-Za-z.+-]*)\//;

export interface UnpackRequest {
  readonly folder: RunnerFolder;
  /** On this disk. */
  readonly tarball: string;
  /** As `linux-x64`. */
  readonly platform: string;
  readonly runTool: RunTool;
}

/**
 * Unpacks the version of a package to a folder beside `versions/VERSION`, where it is complete and on the disk before it
 * gets its name. The owner is that of the folder. Rejects with an {@link InstallProblem} for a package that is not one.
 */
export async function unpackVersion(request: UnpackRequest): Promise<string> {
  const { folder, tarball } = request;
  const { version, staging } = await unpackAside(request);
  const target = join(folder.versions, version);
  if (await isVersionInUse(target)) {
    // A worker whose job has outlived an upgrade loads parts of it yet.
    const isSame =
      (await manifestText(target)) === (await manifestText(staging)) &&
      (await contentsProblem(target, version, request.platform)) === null;
    await removeTree(staging);
    if (isSame) return version;
    throw new InstallProblem(
      `A job still runs by version ${version}, which is not that of ${tarball}: try again when it has ended.`,
    );
  }
  await settle(staging, await stat(folder.versions));
  // One that was there before: the one that was checked now takes its place.
  await removeTree(target);
  await rename(staging, target);
  await syncFolder(folder.versions);
  return version;
}

/** As {@link unpackVersion}, with nothing kept: of the version that is in use already. */
export async function checkPackage(request: UnpackRequest): Promise<void> {
  await removeTree((await unpackAside(request)).staging);
}

async function unpackAside({
  folder,
  tarball,
  platform,
  runTool,
}: UnpackRequest): Promise<{ readonly version: string; readonly staging: string }> {
  const { top, version } = await lookInside(tarball, runTool);
  const staging = join(folder.versions, STAGING);
  await removeTree(staging);
  await mkdir(staging);
  // Whatever the mask of the process: the account that jobs run as is not always who upgrades.
  await chmod(staging, 0o755);
  const how = ['-xz', `--file=${tarball}`, `--directory=${staging}`, '--strip-components=3', '--no-same-owner'];
  const { code, stderr } = await runTool('tar', [...how, '--', `${top}/versions/${version}`]);
  if (code !== 0) throw new InstallProblem(`${tarball} cannot be unpacked: ${firstLine(stderr)}.`, 'failed');
  const problem = await contentsProblem(staging, version, platform);
  if (problem !== null) {
    await removeTree(staging);
    throw new InstallProblem(`${tarball} is no package for this runner: ${problem}.`);
  }
  return { version, staging };
}

function manifestText(version: string): Promise<string | null> {
  return readFile(join(version, MANIFEST), 'utf8').catch(() => null);
}

/** In `versions`; no version is called so. */
export const STAGING = '.unpacking';

/** Which version a package has. */
export async function versionIn(tarball: string, runTool: RunTool): Promise<string> {
  return (await lookInside(tarball, runTool)).version;
}

/** From the list alone: nothing is written while it is not known where it would go. */
async function lookInside(
  tarball: string,
  runTool: RunTool,
): Promise<{ readonly top: string; readonly version: string }> {
  const list = async (option: string): Promise<string[]> => {
    const { code, stdout } = await runTool('tar', [option, `--file=${tarball}`]);
    if (code === null) throw new InstallProblem('There is no tar on this machine, which unpacks a package.');
    if (code !== 0) throw new InstallProblem(`${tarball} is no package of Paceline, or a part of it is missing.`);
    return stdout.split('\n').filter((line) => line !== '');
  };
  const names = await list('-tz');
  const [top = ''] = names[0]?.split('/') ?? [];
  if (!TOP.test(top))
    throw new InstallProblem(`${tarball} is no package of Paceline: what it has lies in no folder, or in '${top}'.`);
  const outside = names.find(
    (name) => name.startsWith('/') || name.split('/').includes('..') || !name.startsWith(`${top}/`),
  );
  if (outside !== undefined)
    throw new InstallProblem(`${tarball} is refused: it has '${outside}', which leaves its folder.`);
  const versions = new Set(names.flatMap((name) => VERSION.exec(name)?.[1] ?? []));
  const [version] = versions;
  if (version === undefined || versions.size > 1)
    throw new InstallProblem(`${tarball} is no package of Paceline: it has ${versions.size} versions in it.`);
  // The first letter says what an entry is.
  const kinds = await list('-tvz');
  const odd = kinds.find((line) => !/^[-d]/.test(line) && !line.endsWith(` ${top}/bin -> versions/${version}`));
  if (odd !== undefined) throw new InstallProblem(`${tarball} is refused: it has a link or device in it (${odd}).`);
  return { top, version };
}

async function contentsProblem(staging: string, version: string, platform: string): Promise<string | null> {
  let manifest: PackedManifest;
  try {
    manifest = JSON.parse(await readFile(join(staging, MANIFEST), 'utf8')) as PackedManifest;
  } catch {
    return `it has no ${MANIFEST} that can be read`;
  }
  if (manifest.version !== version) return `its manifest is of version ${manifest.version}`;
  if (manifest.platform !== platform) return `it is for ${manifest.platform}, and this is ${platform}`;
  const expected = new Map(Object.entries(manifest.files));
  for (const name of await filesBelow(staging, '')) {
    if (name === MANIFEST) continue;
    const sum = expected.get(name);
    if (sum === undefined) return `it has '${name}', which is not on its list`;
    if ((await hashOf(join(staging, name))) !== sum) return `'${name}' is not what its list says`;
    expected.delete(name);
  }
  const [missing] = expected.keys();
  return missing === undefined ? null : `'${missing}' is missing`;
}

async function filesBelow(folder: string, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) names.push(...(await filesBelow(folder, name)));
    else names.push(name);
  }
  return names;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** To the disk, and, by root, to the owner of what is there already. */
async function settle(path: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
  if (process.getuid?.() === 0) await lchown(path, owner.uid, owner.gid);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) {
      await settle(inner, owner);
      continue;
    }
    if (process.getuid?.() === 0) await lchown(inner, owner.uid, owner.gid);
    const file = await open(inner, 'r');
    await file.sync();
    await file.close();
  }
  await syncFolder(path);
}

function firstLine(text: string): string {
  return (text.trim().split('\n')[0] ?? '').replace(/\.$/, '') || 'tar does not say why';
}
