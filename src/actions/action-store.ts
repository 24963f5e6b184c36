import { rm, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { ActionCache, type CachedCopy } from './action-cache.ts';
import { parseActionReference, type RepositoryReference } from './action-reference.ts';
import { fetchAction, type ActionSource } from './fetch-action.ts';
import type { ActionLoad, ActionProblem } from './loaded-action.ts';
import { dockerManifest, readAction } from './read-action.ts';
import { SharedWork } from './shared-work.ts';

export interface ActionStoreOptions extends ActionSource {
  /** Looked in first, in this order: `DIR/owner/name@ref`, then `DIR/owner/name`. */
  readonly roots: readonly string[];
  /** Kept across jobs and shared between processes; made when it is needed. */
  readonly cacheDirectory: string;
  /** Fetch nothing. */
  readonly offline: boolean;
}

/** Finds actions: in the workspace, in the roots, in the cache, or over the network. */
export interface ActionStore {
  /**
   * Never rejects for what a user can cause, a cancellation included. Callers that ask for the same action at the same
   * time share one fetch.
   */
  load(uses: string, workspace: string, signal: AbortSignal): Promise<ActionLoad>;
  /**
   * Finds the repository of an `owner/name[/path]@ref` without asking for an action in it: for called workflows. Rejects
   * as little as `load`.
   */
  repository(uses: string, signal: AbortSignal): Promise<RepositoryFound | ActionProblem>;
}

export interface RepositoryFound {
  readonly kind: 'found';
  /** Of the repository's root. */
  readonly directory: string;
}

/**
 * What names one commit for ever (a commit id, a whole version) is fetched once. Branches and moving tags (`v4`) are
 * asked for again when the copy is older than this; when that fails, the copy is used all the same.
 */
export const REFRESH_AFTER_MS = 60 * 60 * 1000;
const FIXED_REF = /^(?:[0-9a-f]{40}|[0-9a-f]{64}|v?\d+\.\d+\.\d+(?:[-+].*)?)$/i;

export function createActionStore(options: ActionStoreOptions): ActionStore {
  const cache = new ActionCache(options.cacheDirectory, options.clock);
  const fetches = new SharedWork<Copy | ActionProblem>();

  async function load(uses: string, workspace: string, signal: AbortSignal): Promise<ActionLoad> {
    const reference = parseActionReference(uses);
    switch (reference.kind) {
      case 'problem':
        return reference;
      case 'docker': {
        const manifest = dockerManifest(uses);
        return { kind: 'loaded', action: { uses, reference, directory: '', manifest, note: null } };
      }
      case 'local': {
        const directory = resolve(workspace, reference.path);
        const found = await readAction(directory, relative(workspace, directory) || '.');
        if (found.kind === 'missing') return problem(missingLocal(directory));
        if (found.kind === 'problem') return found;
        return { kind: 'loaded', action: { uses, reference, directory, manifest: found.manifest, note: null } };
      }
      case 'repository':
        return loadRepository(uses, reference, signal);
    }
  }

  async function loadRepository(
    uses: string,
    reference: RepositoryReference,
    signal: AbortSignal,
  ): Promise<ActionLoad> {
    const copy = await anyCopy(reference, signal);
    if (copy.kind === 'problem') return copy;
    const directory = join(copy.directory, reference.path);
    const found = await readAction(directory, uses);
    if (found.kind === 'missing') return problem(`There is no ${MANIFESTS} for '${uses}' in ${directory}.`);
    if (found.kind === 'problem') return found;
    return { kind: 'loaded', action: { uses, reference, directory, manifest: found.manifest, note: copy.note } };
  }

  async function anyCopy(reference: RepositoryReference, signal: AbortSignal): Promise<Copy | ActionProblem> {
    return (await inRoots(reference)) ?? fetches.run(key(reference), (own) => copyOf(reference, own), signal);
  }

  async function findRepository(uses: string, signal: AbortSignal): Promise<RepositoryFound | ActionProblem> {
    const reference = parseActionReference(uses);
    if (reference.kind !== 'repository') return problem(`'${uses}' names no repository.`);
    const copy = await anyCopy({ ...reference, path: '' }, signal);
    return copy.kind === 'problem' ? copy : { kind: 'found', directory: copy.directory };
  }

  async function inRoots(reference: RepositoryReference): Promise<Copy | null> {
    for (const directory of rootFolders(options.roots, reference))
      if (await isDirectory(join(directory, reference.path))) return { kind: 'copy', directory, note: null };
    return null;
  }

  async function copyOf(reference: RepositoryReference, signal: AbortSignal): Promise<Copy | ActionProblem> {
    const cached = await cache.find(reference);
    if (cached && (options.offline || isFresh(reference, cached, options.clock.now())))
      return { kind: 'copy', directory: cached.directory, note: null };
    if (options.offline) return problem(offlineMissing(reference, options.roots, cache.folder(reference)));
    const into = await cache.incoming();
    try {
      const fetched = await fetchAction(options, { reference, into, known: cached?.version ?? null }, signal);
      switch (fetched.kind) {
        case 'fetched': {
          const { directory } = await cache.publish(reference, fetched.directory, fetched.version);
          return { kind: 'copy', directory, note: null };
        }
        case 'unchanged':
        case 'problem': {
          if (!cached) {
            const why = fetched.kind === 'problem' ? fetched.message : 'the server has nothing new';
            return problem(`The action '${key(reference)}' cannot be had: ${why}.`);
          }
          if (fetched.kind === 'unchanged') await cache.confirm(reference, cached);
          const note = fetched.kind === 'unchanged' ? null : staleNote(reference, cached, fetched.message);
          return { kind: 'copy', directory: cached.directory, note };
        }
      }
    } finally {
      await rm(into, { recursive: true, force: true });
    }
  }

  /** What a user can cause becomes a problem, whatever was asked for. */
  async function guarded<T>(uses: string, signal: AbortSignal, work: () => Promise<T>): Promise<T | ActionProblem> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return problem(`Loading the action '${uses}' was cancelled.`);
      // A full disk, a folder that may not be read: the system's own words name the file.
      const { syscall, message } = error as NodeJS.ErrnoException;
      if (syscall !== undefined) return problem(`The action '${uses}' cannot be loaded: ${message}.`);
      throw error;
    }
  }

  return {
    load: (uses, workspace, signal) => guarded(uses, signal, () => load(uses, workspace, signal)),
    repository: (uses, signal) => guarded(uses, signal, () => findRepository(uses, signal)),
  };
}

interface Copy {
  readonly kind: 'copy';
  /** Of the repository's root. */
  readonly directory: string;
  readonly note: string | null;
}

const MANIFESTS = "'action.yml', 'action.yaml' or 'Dockerfile'";

/** All paths of one repository share a copy. */
function key({ owner, name, ref }: RepositoryReference): string {
  return `${owner}/${name}@${ref}`;
}

function rootFolders(roots: readonly string[], { owner, name, ref }: RepositoryReference): string[] {
  return roots.flatMap((root) => [resolve(root, owner, `${name}@${ref}`), resolve(root, owner, name)]);
}

function isFresh({ ref }: RepositoryReference, cached: CachedCopy, now: number): boolean {
  const age = now - cached.fetchedAt;
  // A clock that was set back makes ages negative; such a copy is asked for again.
  return FIXED_REF.test(ref) || (age >= 0 && age < REFRESH_AFTER_MS);
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function problem(message: string): ActionProblem {
  return { kind: 'problem', message };
}

function missingLocal(directory: string): string {
  return `There is no ${MANIFESTS} in '${directory}'. A local action is there once actions/checkout has run.`;
}

function offlineMissing(reference: RepositoryReference, roots: readonly string[], cached: string): string {
  const folders = [...rootFolders(roots, reference), cached].join(', ');
  return `The action '${key(reference)}' is not on this machine, and --offline forbids fetching it. Looked in: ${folders}.`;
}

function staleNote(reference: RepositoryReference, cached: CachedCopy, why: string): string {
  const date = new Date(cached.fetchedAt).toISOString();
  return `Using the copy of ${key(reference)} fetched at ${date}, because asking for a newer one failed: ${why}`;
}
