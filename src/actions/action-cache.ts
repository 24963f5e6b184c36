import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { RepositoryReference } from './action-reference.ts';

/** A copy of an action's repository in the cache. */
export interface CachedCopy {
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
  /** What tells a later fetch that nothing changed: an HTTP entity tag or a commit; null when there is none. */
  readonly version: string | null;
}

/** Superseded copies may still be used by jobs that run; by then they are over. */
const KEEP_SUPERSEDED_MS = 7 * 24 * 60 * 60 * 1000;
/** What a killed process was unpacking. */
const KEEP_INCOMING_MS = 24 * 60 * 60 * 1000;

/**
 * Actions kept across jobs, shared by any number of processes without locks:
 *
 *     OWNER/NAME/REF/COPY/…        one copy, never changed once it is there
 *     OWNER/NAME/REF/current.json  names the copy in use, written by rename: the mark that it is complete
 *     .incoming/RANDOM/            what is being fetched
 *
 * Two processes that fetch the same action both succeed and the later one is used.
 */
export class ActionCache {
  readonly #root: string;
  readonly #clock: Clock;

  constructor(root: string, clock: Clock) {
    this.#root = root;
    this.#clock = clock;
  }

  /** Where copies of this reference are, for messages. */
  folder({ owner, name, ref }: RepositoryReference): string {
    // GitHub's owners and names are the same in any case; refs are not, and may hold slashes.
    return join(this.#root, owner.toLowerCase(), name.toLowerCase(), encodeURIComponent(ref));
  }

  async find(reference: RepositoryReference): Promise<CachedCopy | null> {
    const folder = this.folder(reference);
    try {
      const mark = JSON.parse(await readFile(join(folder, MARK), 'utf8')) as Mark;
      const directory = join(folder, mark.copy);
      return (await stat(directory)).isDirectory()
        ? { directory, fetchedAt: mark.fetchedAt, version: mark.version }
        : null;
    } catch {
      // Not there, or spoilt by hand: either way it has to be fetched, and that says what is wrong.
      return null;
    }
  }

  /** An empty folder to fetch into; on the same file system as the cache. The caller removes it. */
  async incoming(): Promise<string> {
    const directory = join(this.#root, INCOMING, randomUUID());
    await mkdir(directory, { recursive: true });
    return directory;
  }

  /** Takes a fetched folder (it is moved) as the current copy. */
  async publish(reference: RepositoryReference, fetched: string, version: string | null): Promise<CachedCopy> {
    const previous = await this.find(reference);
    const folder = this.folder(reference);
    const copy = randomUUID();
    await mkdir(folder, { recursive: true });
    await rename(fetched, join(folder, copy));
    const published = await this.#mark(folder, copy, version);
    const now = new Date(this.#clock.now());
    if (previous) await utimes(previous.directory, now, now).catch(ignoreVanished);
    await this.#removeOlder(folder, KEEP_SUPERSEDED_MS, [copy, MARK]);
    await this.#removeOlder(join(this.#root, INCOMING), KEEP_INCOMING_MS, []);
    return published;
  }

  /** A fetch found that the copy is what it would fetch. */
  async confirm(reference: RepositoryReference, copy: CachedCopy): Promise<CachedCopy> {
    const folder = this.folder(reference);
    return this.#mark(folder, copy.directory.slice(folder.length + 1), copy.version);
  }

  async #mark(folder: string, copy: string, version: string | null): Promise<CachedCopy> {
    const mark: Mark = { copy, fetchedAt: this.#clock.now(), version };
    const draft = join(folder, `${MARK}.${randomUUID()}`);
    await writeFile(draft, JSON.stringify(mark));
    await rename(draft, join(folder, MARK));
    return { directory: join(folder, copy), fetchedAt: mark.fetchedAt, version };
  }

  async #removeOlder(folder: string, keepMs: number, except: readonly string[]): Promise<void> {
    const limit = this.#clock.now() - keepMs;
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const modified = await stat(path).then((found) => found.mtimeMs, ignoreVanished);
      if (modified !== undefined && modified < limit && !except.includes(name))
        await rm(path, { recursive: true, force: true });
    }
  }
}

interface Mark {
  readonly copy: string;
  readonly fetchedAt: number;
  readonly version: string | null;
}

const MARK = 'current.json';
const INCOMING = '.incoming';

/** Another process cleans up as well. */
function ignoreVanished(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
