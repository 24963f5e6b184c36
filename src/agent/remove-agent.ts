import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../kernel/remove-tree.ts';
import type { ApiError } from '../protocol/api-error.ts';
import { AgentProblem } from './agent-problem.ts';
import { ATTEMPTS_FOLDER, readStatus, STATUS_FILE } from './agent-status.ts';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import { openHttpApi } from './http-api.ts';
import { findIdentity, keysOf, readIdentity, removeIdentity, type RunnerIdentity } from './identity.ts';
import { lockState } from './state-lock.ts';

export interface RemoveAgentOptions {
  readonly stateDirectory: string;
  /** The server is not told. */
  readonly local: boolean;
  /** Also with results that were not sent, with jobs that the server knows of, and when the server cannot be told. */
  readonly force: boolean;
  readonly network: NetworkSettings;
  readonly version: string;
}

/** `isListed`: the server may still have it on its list. Without a name: none was registered, or nobody knows which. */
export interface RemovedAgent {
  readonly name: string | null;
  readonly server: string | null;
  readonly isListed: boolean;
}

/**
 * Takes the runner off its server's list, then removes its credentials and what is left of its jobs. Workspaces stay:
 * they may hold somebody's work. Rejects with an `AgentProblem`, and has changed nothing then, while an agent runs, and
 * without `force` for results that are unsent and a server that does not do it. Credentials that are damaged need `local`
 * or `force`: by them no server is told.
 */
export async function removeAgent(options: RemoveAgentOptions): Promise<RemovedAgent> {
  const { stateDirectory, local, force } = options;
  const unlock = await lockState(stateDirectory);
  try {
    const unsent = (await readStatus(stateDirectory))?.status.jobs.length ?? 0;
    if (unsent > 0 && !force)
      throw new AgentProblem(
        'usage',
        `Results of ${unsent} jobs are not sent yet. Start the agent once more, or remove it with --force.`,
      );
    const found = await (local || force ? findIdentity : readIdentity)(stateDirectory);
    const identity = found === 'damaged' ? null : found;
    const isListed = found === 'damaged' || (found !== null && (local || !(await tellServer(found, options))));
    await removeIdentity(stateDirectory);
    await removeTree(join(stateDirectory, ATTEMPTS_FOLDER));
    await rm(join(stateDirectory, STATUS_FILE), { force: true });
    return { name: identity?.name ?? null, server: identity?.server ?? null, isListed };
  } finally {
    unlock();
  }
}

/** False: it was not done, and does not have to be. */
async function tellServer(identity: RunnerIdentity, options: RemoveAgentOptions): Promise<boolean> {
  const error = await unregister(identity, options);
  if (error === null) return true;
  if (options.force) return false;
  const way = error.reason === 'busy' ? 'Wait for them, or remove it with --force.' : NOT_TOLD;
  throw new AgentProblem('unreachable', `${identity.server} did not remove ${identity.name}: ${error.message}. ${way}`);
}

const NOT_TOLD = '--local removes the agent from this machine alone.';

/** Null: the server has not, or not any more, the runner on its list. */
export async function unregister(
  identity: RunnerIdentity,
  { force, network, version }: Pick<RemoveAgentOptions, 'force' | 'network' | 'version'>,
): Promise<ApiError | null> {
  const api = await openHttpApi(identity.server, network, version);
  try {
    const given = await api.nonce();
    if (!given.ok) return given.error;
    const { nonce } = given.value;
    const signature = keysOf(identity).sign(`paceline-unregister\n${nonce}`);
    const reply = await api.unregister(identity.runner, { nonce, signature, force });
    return reply.ok || reply.error.reason === 'token-unknown' ? null : reply.error;
  } finally {
    await api.close();
  }
}
