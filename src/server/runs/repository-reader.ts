import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Mutex } from 'async-mutex';
import { withoutCredentials } from '../../kernel/git-environment.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import { type GitClient, gitClient, GitFailure } from './git-client.ts';

export interface RepositoryAddress {
  /** `OWNER/NAME`, for messages. */
  readonly name: string;
  readonly url: string;
  /** Null: what the repository says itself. */
  readonly defaultBranch: string | null;
  readonly token: string | null;
}

/** A commit of a repository and what is in it. */
export interface RepositoryCommit {
  /** Full, such as `refs/heads/main`. */
  readonly ref: string;
  readonly sha: string;
  readonly defaultBranch: string;
  /** What the ref points at now. */
  readonly isHead: boolean;
  /** Paths in `.github/workflows`. */
  workflows(): Promise<readonly string[]>;
  /** Null when there is no such file. */
  read(path: string): Promise<Uint8Array | null>;
  /** Paths that differ from another commit; null when that cannot be had. */
  changedSince(sha: string): Promise<readonly string[] | null>;
}

export interface RepositoryReaderOptions {
  /** Where what was fetched is kept. */
  readonly directory: string;
  /** What git is started with. */
  readonly environment: Readonly<Record<string, string>>;
}

const WORKFLOWS = '.github/workflows/';

/** Reads files of repositories at a commit, with git. What was fetched once is kept; one fetches a repository at a time. */
export class RepositoryReader {
  readonly #options: RepositoryReaderOptions;
  readonly #busy = new Map<string, { readonly mutex: Mutex; users: number }>();

  constructor(options: RepositoryReaderOptions) {
    this.#options = options;
  }

  /**
   * Looks a commit up and fetches it. `ref`: null for the default branch; without `refs/` a branch or a tag. `sha`: null
   * for what the ref points at. What the commit is asked later may reject with a {@link GitFailure}.
   */
  async open(
    address: RepositoryAddress,
    { ref, sha }: { readonly ref: string | null; readonly sha: string | null },
    signal: AbortSignal,
  ): Promise<ApiResult<RepositoryCommit>> {
    const git = gitClient(this.#options.environment, address);
    try {
      const found = await locate(git, address, ref, signal);
      if (!found.ok) return found;
      const commit = sha ?? found.value.sha;
      if (commit === null) return problem(address, `it has no '${ref ?? found.value.ref}'`);
      const directory = await this.#fetch(git, address.url, commit, signal);
      const fetch = (other: string): Promise<unknown> => this.#fetch(git, address.url, other, signal);
      return {
        ok: true,
        value: commitIn(
          { git, directory, fetch, signal },
          { ...found.value, sha: commit, isHead: commit === found.value.sha },
        ),
      };
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      return problem(address, error.message);
    }
  }

  /** @returns the folder that has the commit. */
  #fetch(git: GitClient, url: string, sha: string, signal: AbortSignal): Promise<string> {
    return this.#alone(url, async () => {
      const directory = await this.#folder(git, url, signal);
      await fetchCommit(git, directory, url, sha, signal);
      return directory;
    });
  }

  async #folder(git: GitClient, url: string, signal: AbortSignal): Promise<string> {
    const name = createHash('sha256').update(withoutCredentials(url)).digest('hex').slice(0, FOLDER_CHARACTERS);
    const directory = join(this.#options.directory, name);
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    // Done again it changes nothing, and it mends a folder that was left half made.
    await git.run(['init', '--quiet', '--bare', '--template=', directory], signal);
    return directory;
  }

  async #alone<T>(url: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#busy.get(url) ?? { mutex: new Mutex(), users: 0 };
    this.#busy.set(url, entry);
    entry.users += 1;
    try {
      return await entry.mutex.runExclusive(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#busy.delete(url);
    }
  }
}

const FOLDER_CHARACTERS = 32;

interface Located {
  readonly ref: string;
  /** Null: the repository has no such ref. */
  readonly sha: string | null;
  readonly defaultBranch: string;
}

async function locate(
  git: GitClient,
  address: RepositoryAddress,
  ref: string | null,
  signal: AbortSignal,
): Promise<ApiResult<Located>> {
  const wanted = ref ?? address.defaultBranch;
  const names = wanted === null ? [] : refsFor(wanted);
  const said = await git.run(
    ['ls-remote', '--symref', '--end-of-options', address.url, 'HEAD', ...patterns(names)],
    signal,
  );
  const { head, refs } = readRefs(said.toString());
  const defaultBranch = address.defaultBranch ?? head?.replace(/^refs\/heads\//, '') ?? null;
  if (defaultBranch === null) return problem(address, 'it has no default branch: is it empty?');
  const candidates = names.length === 0 ? [`refs/heads/${defaultBranch}`] : names;
  const found = candidates.find((name) => refs.has(name));
  // Whoever knows the commit may name a ref that is gone.
  const shown = found ?? candidates[0] ?? '';
  const sha = refs.get(`${shown}^{}`) ?? refs.get(shown) ?? (wanted === null ? refs.get('HEAD') : undefined) ?? null;
  return { ok: true, value: { ref: shown, sha, defaultBranch } };
}

function refsFor(ref: string): string[] {
  return ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

/** A tag of its own kind names its commit with `^{}` behind it. */
function patterns(names: readonly string[]): string[] {
  return names.flatMap((name) => [name, `${name}^{}`]);
}

function readRefs(text: string): { readonly head: string | null; readonly refs: ReadonlyMap<string, string> } {
  let head: string | null = null;
  const refs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [what = '', name = ''] = line.split('\t');
    if (what.startsWith('ref: ') && name === 'HEAD') head = what.slice('ref: '.length);
    else if (name !== '') refs.set(name, what);
  }
  return { head, refs };
}

async function fetchCommit(
  git: GitClient,
  directory: string,
  url: string,
  sha: string,
  signal: AbortSignal,
): Promise<void> {
  if (await has(git, directory, sha, signal)) return;
  const quiet = ['-c', 'gc.autoDetach=false', '-c', 'maintenance.autoDetach=false'];
  const fetch = ['fetch', '--quiet', '--depth=1', '--no-tags', '--no-write-fetch-head', '--end-of-options', url, sha];
  await git.run([...quiet, '-C', directory, ...fetch], signal);
}

async function has(git: GitClient, directory: string, sha: string, signal: AbortSignal): Promise<boolean> {
  try {
    await git.run(['-C', directory, 'cat-file', '-e', `${sha}^{commit}`], signal);
    return true;
  } catch (error) {
    if (error instanceof GitFailure) return false;
    throw error;
  }
}

interface Place {
  readonly git: GitClient;
  readonly directory: string;
  /** Another commit. */
  readonly fetch: (sha: string) => Promise<unknown>;
  readonly signal: AbortSignal;
}

function commitIn(
  place: Place,
  { ref, sha, defaultBranch, isHead }: Pick<RepositoryCommit, 'ref' | 'sha' | 'defaultBranch' | 'isHead'>,
): RepositoryCommit {
  const { git, directory, fetch, signal } = place;
  const inIt = (...args: readonly string[]): Promise<Buffer> => git.run(['-C', directory, ...args], signal);
  return {
    ref,
    sha,
    defaultBranch,
    isHead,
    async workflows() {
      const entries = await inIt('ls-tree', '-z', sha, WORKFLOWS);
      return entries
        .toString()
        .split('\0')
        .flatMap((entry) => /^100\d{3} blob \S+\t(.+\.ya?ml)$/s.exec(entry)?.[1] ?? [])
        .sort();
    },
    async read(path) {
      const entry = await inIt('ls-tree', '-z', sha, '--', path);
      const blob = /^100\d{3} blob (\S+)\t/.exec(entry.toString())?.[1];
      return blob === undefined ? null : inIt('cat-file', 'blob', blob);
    },
    async changedSince(other) {
      try {
        await fetch(other);
        const names = await inIt('diff', '-z', '--name-only', '--no-renames', '--end-of-options', other, sha);
        return names.toString().split('\0').filter(Boolean);
      } catch (error) {
        // Such as a commit that was pushed over: then nobody knows.
        if (error instanceof GitFailure) return null;
        throw error;
      }
    },
  };
}

function problem({ name, url }: RepositoryAddress, message: string): ApiResult<never> {
  const text = `the repository ${name} at ${withoutCredentials(url)} cannot be read: ${message}`;
  return { ok: false, error: { code: 'not_found', reason: null, message: text, detail: null } };
}
