import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { GitConfig } from './git-config.ts';

/** What the checkout around a folder says about itself. */
export interface GitState {
  /** The working tree's root. */
  readonly root: string;
  /** Null before the first commit. */
  readonly sha: string | null;
  /** `refs/heads/main`, `refs/tags/v1` (a detached HEAD on a tag), or null for any other detached HEAD. */
  readonly ref: string | null;
  /** What `refs/remotes/origin/HEAD` names, without its prefix. */
  readonly defaultBranch: string | null;
  readonly remoteUrl: string | null;
  readonly config: GitConfig;
}

/**
 * Reads the files of a git checkout: a tenth of a millisecond, where each git process would cost several and the whole
 * start-up has a budget. Null outside of git. Also works in a linked work tree and in a submodule.
 */
export function readGitState(folder: string, home: string | null): GitState | null {
  const root = findRoot(resolve(folder));
  if (root === null) return null;
  const gitDirectory = gitDirectoryOf(root);
  const head = gitDirectory === null ? null : read(join(gitDirectory, 'HEAD'))?.trim();
  if (gitDirectory === null || !head) return null;
  const common = read(join(gitDirectory, 'commondir'))?.trim();
  const directory = common === undefined ? gitDirectory : resolve(gitDirectory, common);
  const refs = new Refs(gitDirectory, directory);
  const branch = /^ref: (.+)$/.exec(head)?.[1] ?? null;
  const sha = branch === null ? head : refs.resolve(branch);
  const config = new GitConfig([read(join(directory, 'config')), ...globalConfigs(home)]);
  const remote = config.get(`branch.${branch?.replace('refs/heads/', '') ?? ''}.remote`) ?? 'origin';
  return {
    root,
    sha,
    ref: branch ?? refs.tagOf(head),
    defaultBranch: defaultBranch(read(join(directory, 'refs/remotes/origin/HEAD'))),
    remoteUrl: config.get(`remote.${remote}.url`) ?? config.get('remote.origin.url'),
    config,
  };
}

function findRoot(folder: string): string | null {
  if (statSync(join(folder, '.git'), { throwIfNoEntry: false })) return folder;
  const parent = dirname(folder);
  return parent === folder ? null : findRoot(parent);
}

/** `.git` is a folder, or in linked work trees and submodules a file that names one. */
function gitDirectoryOf(root: string): string | null {
  const path = join(root, '.git');
  if (statSync(path).isDirectory()) return path;
  const target = /^gitdir: (.+)$/m.exec(read(path) ?? '')?.[1]?.trim();
  return target === undefined ? null : isAbsolute(target) ? target : resolve(root, target);
}

function defaultBranch(remoteHead: string | null): string | null {
  return /^ref: refs\/remotes\/origin\/(.+)$/m.exec(remoteHead ?? '')?.[1]?.trim() ?? null;
}

function globalConfigs(home: string | null): (string | null)[] {
  return home === null ? [] : [read(join(home, '.gitconfig')), read(join(home, '.config/git/config'))];
}

class Refs {
  readonly #folders: readonly string[];
  readonly #packed: () => string;

  constructor(gitDirectory: string, commonDirectory: string) {
    this.#folders = [gitDirectory, commonDirectory];
    this.#packed = () => read(join(commonDirectory, 'packed-refs')) ?? '';
  }

  resolve(ref: string): string | null {
    for (const folder of this.#folders) {
      const value = read(join(folder, ref))?.trim();
      if (value !== undefined) return value;
    }
    const line = this.#packed()
      .split('\n')
      .find((candidate) => candidate.endsWith(` ${ref}`));
    return line?.split(' ')[0] ?? null;
  }

  /** A tag that names this commit. A loose annotated tag names its own object and is not found. */
  tagOf(sha: string): string | null {
    let last: string | null = null;
    for (const line of this.#packed().split('\n')) {
      const [hash = '', name = ''] = line.split(' ');
      if (name.startsWith('refs/tags/')) last = name;
      if (last !== null && hash.replace('^', '') === sha) return last;
      if (!hash.startsWith('^') && !name.startsWith('refs/tags/')) last = null;
    }
    const folder = join(this.#folders[1] ?? '', 'refs/tags');
    const loose = namesIn(folder).find((name) => read(join(folder, name))?.trim() === sha);
    return loose === undefined ? null : `refs/tags/${loose}`;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    // No tags.
    return [];
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not there, or not ours to read: the run goes on with what else is known.
    return null;
  }
}
