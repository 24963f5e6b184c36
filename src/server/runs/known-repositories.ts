import type { ApiResult } from '../../protocol/api-error.ts';
import type { CalledWorkflow, ReadCalledWorkflow } from '../../workflow/load-workflows.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import type { Store } from '../store.ts';
import { maySeeToken } from './may-see-token.ts';
import { refused } from './prepare-submission.ts';
import type { RepositoryAddress, RepositoryCommit, RepositoryReader } from './repository-reader.ts';

export interface RepositoriesOptions {
  readonly store: Store;
  readonly secrets: Pick<SecretBox, 'decrypt'>;
  readonly repositories: RepositoryReader;
  /** What `OWNER/NAME` that nobody registered is below. */
  readonly baseUrl: string;
}

/** Repositories by their names, with what the server knows of them. */
export class KnownRepositories {
  readonly #options: RepositoriesOptions;

  constructor(options: RepositoriesOptions) {
    this.#options = options;
  }

  /** `cloneUrl`: where one that nobody registered is. */
  async open(
    name: string,
    cloneUrl: string | undefined,
    at: { readonly ref: string | null; readonly sha: string | null },
    signal: AbortSignal,
  ): Promise<ApiResult<RepositoryCommit>> {
    const address = await this.#address(name, cloneUrl);
    return address.ok ? this.#options.repositories.open(address.value, at, signal) : address;
  }

  /** What a workflow of the commit calls. */
  callsIn(commit: RepositoryCommit, name: string, signal: AbortSignal): ReadCalledWorkflow {
    return async (called) => {
      if (called.remote !== null) return this.readRemote(called, called.remote, signal);
      const bytes = await commit.read(called.path);
      if (bytes !== null) return { kind: 'read', bytes };
      return { kind: 'problem', message: `the called workflow '${called.uses}' is not in ${name} at ${commit.ref}` };
    };
  }

  /** A called workflow of another repository. */
  async readRemote(
    { uses, path }: CalledWorkflow,
    { repository, ref }: NonNullable<CalledWorkflow['remote']>,
    signal: AbortSignal,
  ): ReturnType<ReadCalledWorkflow> {
    const isSha = /^[0-9a-f]{40,64}$/.test(ref);
    const wanted = isSha ? { ref: null, sha: ref } : { ref, sha: null };
    const commit = await this.open(repository, `${this.#options.baseUrl}/${repository}`, wanted, signal);
    if (!commit.ok) return { kind: 'problem', message: commit.error.message };
    const bytes = await commit.value.read(path);
    if (bytes !== null) return { kind: 'read', bytes };
    return { kind: 'problem', message: `the called workflow '${uses}' is not there` };
  }

  /** A repository that is registered is where it was registered, whatever the submission says. */
  async #address(name: string, cloneUrl: string | undefined): Promise<ApiResult<RepositoryAddress>> {
    const { store, secrets, baseUrl } = this.#options;
    const found = await store.execute('find-repository', { name });
    if (!found.ok) return found;
    const { cloneUrl: registered, defaultBranch, token } = found.value;
    const url = registered ?? cloneUrl ?? null;
    if (url === null)
      return {
        ok: false,
        error: {
          code: 'not_found',
          reason: null,
          message: `the repository ${name} is not registered; register it, or say where it is cloned from`,
          detail: null,
        },
      };
    if (registered === null && !REMOTE_URL.test(url))
      return refused(`only repositories that are registered may be on the server's own disk, not ${name}`);
    const shown = token !== null && maySeeToken(url, registered, baseUrl);
    const opened = shown ? secrets.decrypt(token.ciphertext, token) : null;
    return { ok: true, value: { name, url, defaultBranch, token: opened } };
  }
}

/** `https://…`, `ssh://…`, `git@host:path`. */
const REMOTE_URL = /^(?:(?:https?|ssh|git):\/\/|[\w.-]+@[\w.-]+:)/;
