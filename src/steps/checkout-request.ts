import { relative, resolve } from 'node:path';
import { isObject } from '../expressions/json.ts';
import type { Json } from '../protocol/job-message.ts';

/** What a step asks of `actions/checkout`, as far as an answer of ours takes it into account. */
export interface CheckoutRequest {
  /** `owner/name`, or empty: the repository of the workflow. */
  readonly repository: string;
  readonly ref: string;
  /** Below the workspace, without `.` segments; empty for the workspace itself. */
  readonly path: string;
  /** Commits of history; 0 for all. */
  readonly fetchDepth: number;
  readonly submodules: 'none' | 'direct' | 'recursive';
  /** Tags come along although not all of the history does. */
  readonly fetchTags: boolean;
  /** For the host of the repository only; empty when there is none. */
  readonly token: string;
  /** What the step itself gives as `token`; empty when it gives none. */
  readonly ownToken: string;
  /** What an earlier run left in a folder is removed. */
  readonly clean: boolean;
  /** Later steps may talk to the repository's host as this one did. */
  readonly persistCredentials: boolean;
  /** Inputs that were given and change nothing here. */
  readonly ignored: readonly string[];
}

/** Any version of it; owner and name are the same in any case on GitHub. */
export function isCheckout(uses: string): boolean {
  return /^actions\/checkout@/i.test(uses);
}

/** The problem is one sentence. */
export function readCheckoutRequest(
  given: ReadonlyMap<string, string>,
  workspace: string,
  contexts: Readonly<Record<string, Json>>,
): CheckoutRequest | { readonly problem: string } {
  const inputs = new Map([...given].map(([name, value]) => [name.toLowerCase(), value.trim()]));
  const input = (name: string): string => inputs.get(name) ?? '';
  const path = relative(workspace, resolve(workspace, input('path')));
  if (path === '..' || /^\.\.[/\\]/.test(path))
    return { problem: `The path '${input('path')}' of actions/checkout is outside of the workspace.` };
  const fetchDepth = input('fetch-depth') === '' ? 1 : Number(input('fetch-depth'));
  if (!Number.isInteger(fetchDepth) || fetchDepth < 0)
    return { problem: `The fetch-depth '${input('fetch-depth')}' of actions/checkout is not a number of commits.` };
  const repository = input('repository');
  if (repository !== '' && !/^[\w.-]+\/[\w.-]+$/.test(repository))
    return { problem: `The repository '${repository}' of actions/checkout is not of the form owner/name.` };
  return {
    repository,
    ref: input('ref'),
    path,
    fetchDepth,
    submodules: SUBMODULES[input('submodules').toLowerCase()] ?? 'none',
    fetchTags: input('fetch-tags').toLowerCase() === 'true',
    token: inputs.has('token') ? input('token') : tokenOf(contexts),
    ownToken: input('token'),
    clean: input('clean').toLowerCase() !== 'false',
    persistCredentials: input('persist-credentials').toLowerCase() !== 'false',
    ignored: IGNORED.filter((name) => !['', 'false'].includes(input(name).toLowerCase())),
  };
}

const SUBMODULES: Readonly<Record<string, CheckoutRequest['submodules']>> = { true: 'direct', recursive: 'recursive' };
/** What changes what is checked out, or how; the rest of the inputs is about credentials and clean-up. */
const IGNORED = ['filter', 'lfs', 'sparse-checkout', 'ssh-key', 'github-server-url'];

function tokenOf({ github }: Readonly<Record<string, Json>>): string {
  const token = github !== undefined && isObject(github) ? github.token : null;
  return typeof token === 'string' ? token : '';
}
