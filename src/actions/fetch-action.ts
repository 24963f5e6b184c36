import type { Clock } from '../kernel/clock.ts';
import type { RepositoryReference } from './action-reference.ts';
import { fetchTarball } from './fetch-tarball.ts';
import { fetchWithGit } from './fetch-with-git.ts';

/** Where actions come from that are nowhere on this machine. */
export interface ActionSource {
  /**
   * `https://…` or `http://…`: `BASE/OWNER/NAME/archive/REF.tar.gz` is fetched. `git+https://…`, `file://…`, `ssh://…`
   * and whatever else git takes: `BASE/OWNER/NAME` is fetched with git.
   */
  readonly baseUrl: string;
  /** Sent as a bearer token (to git servers: basic authentication as `x-access-token`); never to another host. */
  readonly token: string | null;
  /** The runner's environment: proxies (`https_proxy`, `no_proxy`…), and what git needs (PATH, HOME, ssh agent). */
  readonly environment: Readonly<Record<string, string>>;
  /** Certificates in PEM of authorities that are trusted beside those of Node.js and of the system; null: none. Git has its own. */
  readonly caFile: string | null;
  readonly clock: Clock;
}

export interface FetchRequest {
  readonly reference: RepositoryReference;
  /** Empty, and on the file system of the cache. */
  readonly into: string;
  /** The `version` of the copy there is; null when there is none. */
  readonly known: string | null;
}

export type Fetched =
  /** The repository at that ref is in `directory`, somewhere under `into`. */
  | { readonly kind: 'fetched'; readonly directory: string; readonly version: string | null }
  /** What `known` stands for is still what the ref names. */
  | { readonly kind: 'unchanged' }
  /** One sentence. */
  | { readonly kind: 'problem'; readonly message: string };

/** Fetches the repository of an action once. Rejects when the signal was aborted, and when the disk fails. */
export function fetchAction(source: ActionSource, request: FetchRequest, signal: AbortSignal): Promise<Fetched> {
  return /^https?:/i.test(source.baseUrl)
    ? fetchTarball(source, request, signal)
    : fetchWithGit(source, request, signal);
}
