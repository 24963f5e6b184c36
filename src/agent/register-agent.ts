import { AgentProblem } from './agent-problem.ts';
import type { NetworkSettings } from './connections.ts';
import { openHttpApi } from './http-api.ts';
import { makeKeys, readIdentity, writeIdentity } from './identity.ts';
import { runnerLabels } from './runner-labels.ts';
import { lockState } from './state-lock.ts';

export { AgentProblem };

export interface RegisterAgentOptions {
  readonly server: string;
  readonly token: string;
  readonly name: string;
  /** Beyond self-hosted, operating system and architecture. */
  readonly labels: readonly string[];
  readonly ephemeral: boolean;
  /** Take the name over from a runner without a live session. */
  readonly replace: boolean;
  readonly stateDirectory: string;
  readonly network: NetworkSettings;
}

/** Makes keys, tells the server the public ones, and writes the credentials. Rejects with an {@link AgentProblem}. */
export async function registerAgent(
  options: RegisterAgentOptions,
): Promise<{ readonly runner: string; readonly name: string }> {
  const { server, token, name, labels, ephemeral, replace, stateDirectory, network } = options;
  const unlock = await lockState(stateDirectory);
  try {
    const before = await readIdentity(stateDirectory);
    if (before !== null && !replace)
      throw new AgentProblem(
        'usage',
        `The runner ${before.name} of ${before.server} is registered in ${stateDirectory} already. Remove it first, or replace it with --replace.`,
      );
    const { publicKey, sealKey, ...keys } = makeKeys();
    const api = await openHttpApi(server, network, 'register');
    try {
      const all = runnerLabels(process.platform, process.arch, labels);
      const reply = await api.register(token, { name, labels: all, publicKey, sealKey, ephemeral, replace });
      if (!reply.ok) throw problemOf(server, reply.error.message);
      const { runner, name: given } = reply.value;
      await writeIdentity(stateDirectory, { server, runner, name: given, labels, ephemeral, ...keys });
      return { runner, name: given };
    } finally {
      await api.close();
    }
  } finally {
    unlock();
  }
}

function problemOf(server: string, message: string): AgentProblem {
  return new AgentProblem('unreachable', `${server} did not register the runner: ${message.replace(/\.?$/, '.')}`);
}
