import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gitEnvironment, withoutCredentials } from '../kernel/git-environment.ts';
import type { CheckoutRequest } from './checkout-request.ts';
import { gitIn } from './checkout-git.ts';
import { failed } from './handler-result.ts';
import type { HandlerResult } from './step-handler.ts';
import { unprepared, type StepProcesses } from './step-processes.ts';
import type { StepScope } from './step-scope.ts';

export interface CloneSource {
  readonly url: string;
  /** The token is sent to `http` and `https` below this only. */
  readonly base: string;
  /** A branch, a tag, a commit id, or `HEAD`. */
  readonly ref: string;
}

/**
 * Clones into `request.path`, with what git has to say in the log. A folder that an earlier run cloned from the same
 * place is brought to the ref unless changes are in git's way; any other folder that holds something is left alone.
 */
export async function cloneForCheckout(
  request: CheckoutRequest,
  source: CloneSource,
  scope: StepScope,
  workspace: string,
  processes: StepProcesses,
): Promise<HandlerResult | { readonly commit: string }> {
  const { log } = scope;
  const target = join(workspace, request.path);
  const url = withoutCredentials(source.url);
  const git = gitIn(
    target,
    workspace,
    scope,
    gitEnvironment(processes.environment.of(scope, {}, {}), source.base, request.token),
  );
  try {
    await mkdir(target, { recursive: true });
    const entries = await readdir(target);
    const known = entries.includes('.git') ? await git.ask('config', '--get', 'remote.origin.url') : null;
    if (entries.length > 0 && known !== source.url)
      return failed(log, 'start-failed', inTheWay(target, url, source.ref));
    log.line(`Cloning ${url} at ${source.ref} into ${target}`);
    if (request.ignored.length > 0) log.line(`Inputs that change nothing here: ${request.ignored.join(', ')}`);
    for (const command of commandsFor(request, source, known !== null)) {
      const ended = await git.tell(...command);
      if (ended !== null) return ended;
    }
    const commit = await git.ask('rev-parse', 'HEAD');
    return commit === null ? failed(log, null, `git does not know which commit is in ${target}.`) : { commit };
  } catch (error) {
    return unprepared(scope, error);
  }
}

function inTheWay(target: string, url: string, ref: string): string {
  return `The folder ${target} is in use, and Paceline neither cleans nor switches it to have ${url} at ${ref}: give actions/checkout a \`path\` of its own.`;
}

function commandsFor(
  { fetchDepth, submodules }: CheckoutRequest,
  { url, ref }: CloneSource,
  known: boolean,
): readonly (readonly string[])[] {
  const depth = fetchDepth === 0 ? [] : [`--depth=${fetchDepth}`];
  const everything = ['fetch', '--quiet', '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*'];
  return [
    ...(known
      ? []
      : [
          ['init', '--quiet', '--template='],
          ['remote', 'add', 'origin', url],
        ]),
    ...(fetchDepth === 0 ? [everything] : []),
    ['fetch', '--quiet', ...depth, '--end-of-options', 'origin', ref],
    ['-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--detach', 'FETCH_HEAD'],
    ...(submodules === 'none'
      ? []
      : [['submodule', 'update', '--init', ...depth, ...(submodules === 'recursive' ? ['--recursive'] : [])]]),
  ];
}
