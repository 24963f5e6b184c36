import { removeTree } from '../kernel/remove-tree.ts';
import { readJitConfig } from '../protocol/jit-config.ts';
import { AgentProblem } from './agent-problem.ts';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import { readIdentity } from './identity.ts';
import { registerAgent } from './register-agent.ts';
import { removeAgent } from './remove-agent.ts';

export interface JitOptions {
  /** Null: the one that is in the configuration, which a runner in another network may not reach. */
  readonly server: string | null;
  readonly stateDirectory: string;
  readonly network: NetworkSettings;
  readonly version: string;
  /** Nothing else is in the state folder: it goes with the runner. */
  readonly isOwnFolder: boolean;
}

/** Rejects with an {@link AgentProblem} for what is no configuration. */
export function nameOfJit(config: string): string {
  return decoded(config).name;
}

/**
 * Makes the state folder a runner by a configuration that is good for one job. In a folder where that was done before, as
 * after a kill, it goes on as that runner. Rejects with an {@link AgentProblem} where the configuration was used.
 */
export async function registerJit(
  config: string,
  { stateDirectory, network, isOwnFolder, ...options }: Omit<JitOptions, 'version'>,
): Promise<void> {
  const { token, name, labels, ...inside } = decoded(config);
  const server = options.server ?? inside.server;
  const present = await readIdentity(stateDirectory);
  if (present?.name === name && present.server === server) return;
  const registering = registerAgent({
    ...{ server, token, name, labels, stateDirectory, network },
    ...{ ephemeral: true, replace: false, newToken: '`paceline runners jit`' },
  });
  await registering.catch(async (error: unknown) => {
    // The keys in it are good for nothing: another configuration has another folder.
    if (isOwnFolder && error instanceof AgentProblem && error.kind === 'refused') await removeTree(stateDirectory);
    throw error;
  });
}

/** After it has ended, and all that it had to say was said: nothing is left of it, here and on the server. */
export async function forgetJit({
  stateDirectory,
  network,
  version,
  isOwnFolder,
}: Omit<JitOptions, 'server'>): Promise<void> {
  await removeAgent({ stateDirectory, network, version, local: false, force: true });
  if (isOwnFolder) await removeTree(stateDirectory);
}

function decoded(config: string) {
  const read = readJitConfig(config);
  if (read === null)
    throw new AgentProblem('usage', 'This is no configuration of `paceline runners jit`, or not the whole of one.');
  return read;
}
